"""The generated files: the same bytes each time, one shape, nothing of a user's text in their code."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.argument_template import ENVIRONMENT, is_template
from pipelines.dag_code import dag_source
from pipelines.dag_config import DagConfig, load_dags
from pipelines.dag_form import Dag
from tests.pipelines.trees import FIXTURE, PLATFORM, catalog, copy_tree

GOLDEN = Path(__file__).with_name("golden")
CATALOG = catalog()
DAGS = {config.dag_id: config for config in load_dags(FIXTURE / "dags", CATALOG)}
DIGESTS = {"letters": "sha256:" + "a" * 64, "warehouse": "sha256:" + "b" * 64}

pieces = [
    "'",
    '"',
    '"""',
    "\\",
    "\n",
    "\r",
    "#",
    "{{",
    "}}",
    "{%",
    "$(HOME)",
    "$$",
    "import os",
    "):",
    "é",
    "\u202e",
    "\x1b",
]
hostile = (
    st.lists(st.sampled_from(pieces) | st.text(max_size=3), max_size=8)
    .map("".join)
    .map(lambda text: text.replace("\0", ""))
)
plain = hostile.filter(lambda text: not is_template(text))
labels = hostile.map(lambda text: (text or "x")[:100])


def source(of: str, **changes: object) -> str:
    """The file of a fixture's DAG with other texts in it."""
    config = DAGS[of]
    form = config.dag.model_dump(mode="json", exclude_unset=True) | changes
    form["tasks"] = changes.get("tasks") or {
        name: {**task, **({"startup_timeout": "10m"} if "startup_timeout" in task else {})}
        for name, task in form["tasks"].items()
    }
    return dag_source(replace(config, dag=Dag.model_validate(form)), CATALOG)


def skeleton(text: str) -> str:
    """The tree of a file with each string replaced by one letter."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = "s"
    return ast.dump(tree)


def constants(text: str) -> list[str]:
    return [
        node.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def rendered(text: str) -> str:
    return ENVIRONMENT.from_string(text).render() if text.startswith('{{ "') else text


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pod", "python"])
@given(description=hostile.filter(bool), owner=labels, tag=labels, value=hostile, argument=plain, key=plain)
def test_text_never_becomes_code(kind, description, owner, tag, value, argument, key):
    image, entry = {"pod": ("letters", "letters:count"), "python": ("warehouse", "warehouse:load")}[kind]

    def of(description: str, owner: str, tag: str, value: str, argument: str, key: str) -> str:
        task = {"kind": kind, "entry": entry, "env": {"X": value}, "arguments": {key: [argument]}}
        return source("letters", description=description, owner=owner, tags=[tag], image=image, tasks={"count": task})

    text = of(description, owner, tag, value, argument, key)
    assert skeleton(text) == skeleton(of("s", "s", "s", "s", "s", "s"))
    found = constants(text)
    assert {description, owner, tag} <= set(found)
    [sent] = [one for one in found if one.startswith('{"') and one.endswith("]}")]
    assert json.loads(ENVIRONMENT.from_string(sent).render()) == {key: [argument]}
    sent_values = found if kind == "python" else [rendered(one) for one in found]
    assert value.replace("$", "$$") in sent_values
    assert all(ord(character) >= 32 or character == "\n" for character in text)


@pytest.mark.parametrize("dag_id", DAGS)
def test_the_bytes_are_the_same_from_another_place(dag_id, tmp_path):
    copy = copy_tree(tmp_path / "elsewhere")
    for path in copy.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    there = catalog(copy)
    [config] = [one for one in load_dags(copy / "dags", there) if one.dag_id == dag_id]
    assert dag_source(config, there) == dag_source(DAGS[dag_id], CATALOG)


@pytest.mark.parametrize("dag_id", DAGS)
def test_the_file_is_the_golden_one(dag_id):
    golden = GOLDEN / f"{dag_id}.golden"
    assert dag_source(DAGS[dag_id], CATALOG.with_digests(DIGESTS)) == golden.read_text()


def test_the_files_are_formatted(tmp_path):
    for dag_id in DAGS:
        shutil.copy(GOLDEN / f"{dag_id}.golden", tmp_path / f"{dag_id}.py")
    options = ["--no-cache", "--line-length", "120", "--isolated", str(tmp_path)]
    for command in (["format", "--check"], ["check", "--select", "E4,E7,E9,F,I,UP,N,RUF100"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *command, *options], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def calls(text: str, name: str) -> list[dict[str, ast.expr]]:
    return [
        {keyword.arg: keyword.value for keyword in node.keywords}
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == name
    ]


def test_every_image_is_of_the_catalog():
    pinned = CATALOG.with_digests(DIGESTS)
    known = {image.pinned for image in pinned.images.values()}
    for config in DAGS.values():
        named = [one for one in constants(dag_source(config, pinned)) if one.startswith("ghcr.io/")]
        assert named
        assert set(named) <= known


def test_one_executor_is_never_named():
    alone = replace(CATALOG, platform=replace(PLATFORM, executors=("KubernetesExecutor",)))
    for config in DAGS.values():
        assert "Executor" in "".join(constants(dag_source(config, CATALOG)))
        assert "Executor" not in "".join(constants(dag_source(config, alone)))


def test_no_pull_secret_is_none():
    public = replace(CATALOG, platform=replace(PLATFORM, pull_secret=""))
    for config in DAGS.values():
        assert "image_pull_secrets" in dag_source(config, CATALOG)
        assert "image_pull_secrets" not in dag_source(config, public)


def test_the_override_leaves_command_and_args_alone():
    [container] = calls(dag_source(DAGS["warehouse"], CATALOG), "k8s.V1Container")
    assert ast.literal_eval(container["name"]) == "base"
    assert {"command", "args"}.isdisjoint(container)


def test_a_task_may_be_called_like_a_name_of_the_file():
    names = ["task", "json", "datetime", "k8s", "class", "call", "arguments", "run", "run_run"]
    tasks = {
        name: {"kind": "python", "image": "warehouse", "entry": "letters:count", "depends_on": names[:position][-1:]}
        for position, name in enumerate(names)
    }
    text = source("letters", tasks=tasks)
    assert [ast.literal_eval(one["task_id"]) for one in calls(text, "PythonOperator")] == names
    assigned = [node.targets[0].id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Assign)]
    imported = {"PythonOperator", "json", "datetime", "UTC", "timedelta", "airflow", "DAG", "k8s"}
    functions = {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}
    assert assigned[:1] == ["WORKER"]
    assert len(set(assigned[1:])) == len(names)
    assert imported.isdisjoint(assigned)
    assert functions.isdisjoint(assigned)


def test_pod_names_fit():
    long = "a" + "_b" * 31
    task = {"kind": "pod", "entry": "letters:count"}
    text = source("letters", dag_id=long, tasks={long: task})
    [name] = [ast.literal_eval(one["name"]) for one in calls(text, "KubernetesPodOperator")]
    assert len(name) <= 54
    assert name.replace("-", "").isalnum()


def test_the_deadline_covers_start_and_run():
    task = {"kind": "pod", "entry": "letters:count", "startup_timeout": "5m", "execution_timeout": "1h30m"}
    [operator] = calls(source("letters", tasks={"count": task}), "KubernetesPodOperator")
    assert ast.literal_eval(operator["startup_timeout_seconds"]) == 300
    assert ast.literal_eval(operator["active_deadline_seconds"]) == 5700


def test_a_changed_image_changes_the_files_that_name_it():
    other = CATALOG.with_digests({"letters": "sha256:" + "c" * 64})
    changed = {dag_id for dag_id, config in DAGS.items() if dag_source(config, other) != dag_source(config, CATALOG)}
    assert changed == {"letters"}


def test_an_unknown_image_is_an_error():
    config = DAGS["letters"]
    other: DagConfig = replace(config, dag=config.dag.model_copy(update={"image": "gone"}))
    with pytest.raises(KeyError):
        dag_source(other, CATALOG)


def test_a_pool_and_secrets_reach_the_operator() -> None:
    text = source("letters", pool="api", env_from=[{"secret": "one"}, {"secret": "two"}])
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    operators = [call for call in calls if getattr(call.func, "id", "") == "KubernetesPodOperator"]
    pools = [[word.value.value for word in call.keywords if word.arg == "pool"] for call in operators]  # type: ignore[attr-defined]
    assert pools == [["api"]] * len(operators)
    # The bucket's own comes last, so nobody takes its variables over.
    assert named_secrets(text) == ["one", "two", "object-store-tasks"]
    assert not any(word.arg == "env_from" for call in operators for word in call.keywords)


def test_secrets_of_one_task_stay_with_it() -> None:
    tasks = {
        "one": {"kind": "pod", "entry": "letters:count", "env_from": [{"secret": "mine"}]},
        "two": {"kind": "pod", "entry": "letters:count", "pool": "own"},
    }
    text = source("letters", tasks=tasks, pool="api")
    assert named_secrets(text) == ["mine", "object-store-tasks", "object-store-tasks"]
    assert text.count("env_from=") == 2
    assert '"env_from"' not in text
    assert (text.count('pool="api"'), text.count('pool="own"')) == (1, 1)


def named_secrets(text: str) -> list[str]:
    """Names of the Secrets that variables come from, in the order of the file."""
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Dict)]
    found.sort(key=lambda node: (node.lineno, node.col_offset))
    sources = [ast.literal_eval(node) for node in found if ast.unparse(node).startswith("{'secretRef'")]
    return [source["secretRef"]["name"] for source in sources]
