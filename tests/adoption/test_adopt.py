"""Adoption as it reads and edits text: nothing else moves, nothing runs, doing it twice is doing it once."""

from __future__ import annotations

import ast
import io
import tokenize
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adoption.adopt import adopt, problems
from adoption.records import Adoption, Choices
from adoption.syntax import DEEPEST
from pipelines.errors import InputError
from tests.adoption.trees import CHOICES, FILES, REPOSITORY, adopted

HEAD = "from airflow.providers.cncf.kubernetes.operators.kubernetes_pod import KubernetesPodOperator\n"
NAMES = [file.name for file in FILES]


def of(text: str, choices: Choices = CHOICES) -> Adoption:
    return adopt(text.encode(), "old.py", choices)


def body(text: str, choices: Choices = CHOICES) -> str:
    """What becomes of statements under an import of the operator, without imports."""
    lines = of(HEAD + text, choices).after.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(("from ", "import ")))


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_adopting_twice_changes_nothing(file) -> None:
    once = adopted(file)
    again = adopt(once.content, file.name, CHOICES)
    assert again.content == once.content
    assert again.changed == ()


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_statements_that_no_finding_stands_in_stay_byte_for_byte(file) -> None:
    found = adopted(file)
    lines = found.before.splitlines(keepends=True)
    touched = {finding.line for finding in found.changed}
    done = 0
    for statement in ast.parse(found.before).body:
        first, last = statement.lineno, statement.end_lineno or statement.lineno
        while first > 1 and lines[first - 2].lstrip().startswith("#"):
            first -= 1
        # What a finding says of a name may be done where the name is bound.
        if touched & {*range(first, last + 1)} or isinstance(statement, ast.Assign):
            continue
        text = "".join(lines[first - 1 : last]).rstrip("\r\n")
        assert (done := found.after.find(text, done)) >= 0, text


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_comments_stay(file) -> None:
    found = adopted(file)
    gone = set(comments(found.before)) - set(comments(found.after))
    # They stood beside an argument, or an import, that is no more.
    lines = {finding.line for finding in found.changed if finding.becomes == "(nothing)"}
    assert {number for text, number in comments(found.before).items() if text in gone} <= lines


def comments(text: str) -> dict[str, int]:
    words = tokenize.generate_tokens(io.StringIO(text).readline)
    return {word.string: word.start[0] for word in words if word.type == tokenize.COMMENT}


ARGUMENTS = (
    *("namespace='old'", "image='team/x:1'", "in_cluster=True", "config_file=None", "get_logs=True", "name='x'"),
    *("is_delete_operator_pod=True", "resources={'limit_cpu': '1'}", "env_vars={'A': 'b, (c)'}", "cmds=['a', 'b']"),
    *("image_pull_policy='Always'", "image_pull_secrets='reg'", "labels={}", "node_selectors={'a': 'b'}"),
)
LAYOUTS = (", ", ",\n    ", ",  # said, beside (it)\n    ", ",\n\n    # above\n    ", ",\n", " ,")


@settings(max_examples=30, deadline=None)
@pytest.mark.slow
@given(
    st.lists(st.sampled_from(ARGUMENTS), unique=True, min_size=1, max_size=9),
    st.lists(st.sampled_from(LAYOUTS), min_size=9, max_size=9),
    st.sampled_from(("", "\n    ", "  # first\n    ")),
    st.sampled_from(("", ",", ",\n", "\n", ",  # last\n", "  # last\n")),
    st.sampled_from(("\n", "\r\n")),
)
def test_any_order_and_layout_stays_python_and_is_adopted_once(arguments, layouts, opening, closing, newline) -> None:
    between = [part for pair in zip(arguments, layouts, strict=False) for part in pair][:-1]
    text = f"{HEAD}\n# before\none = KubernetesPodOperator({opening}{''.join(between)}{closing})  # after\ntwo = 2\n"
    found = of(text.replace("\n", newline))
    call = ast.parse(found.after).body[-2].value
    names = [keyword.arg for keyword in call.keywords]
    gone = {"in_cluster", "config_file", "is_delete_operator_pod", "resources", "node_selectors"}
    assert not gone & set(names)
    assert len(set(names)) == len(names)
    kept = {"get_logs", "name", "env_vars", "cmds", "labels"}
    assert kept & set(names) == kept & {argument.partition("=")[0] for argument in arguments}
    assert found.after.startswith(HEAD.replace("kubernetes_pod", "pod").replace("\n", newline)[:60])
    assert found.after.endswith(f")  # after{newline}two = 2{newline}")
    assert f"# before{newline}" in found.after
    assert of(found.after).after == found.after


@pytest.mark.parametrize(
    ("before", "after"),
    {
        "K(is_delete_operator_pod=keep())": 'K(on_finish_action="delete_pod" if keep() else "keep_pod")',
        "K(a=1, in_cluster=True)": "K(a=1)",
        "K(in_cluster=True, a=1)": "K(a=1)",
        "K(in_cluster=inside())": "K(in_cluster=inside())",
        "K(image=f'x:{tag}', namespace=n())": "K(image=f'x:{tag}', namespace=n())",
        "K(**given, image='a:1', image_pull_secrets='b')": (
            'K(**given, image=image("elyra"), image_pull_secrets=[k8s.V1LocalObjectReference(name=pull_secret())])'
        ),
        "K(node_selectors = {}, a=1)": "K(node_selector = {}, a=1)",
        "K(image_pull_policy='IfNotPresent')": "K(image_pull_policy='IfNotPresent')",
        "K(resources=measured())": "K(resources=measured())",
        "K(resources={'limit_cpu': 2, 'request_memory': m})": (
            'K(container_resources=k8s.V1ResourceRequirements(limits={"cpu": "2"}, requests={"memory": m}))'
        ),
        "exec('K(in_cluster=True)')": "exec('K(in_cluster=True)')",
        "other.K(in_cluster=True)": "other.K(in_cluster=True)",
    }.items(),
    ids=lambda text: text[:40],
)
def test_a_call(before: str, after: str) -> None:
    given = f"K = 0\n{before}\n".replace("K = 0\n", "").replace("K(", "KubernetesPodOperator(")
    assert body(given).strip() == after.replace("K(", "KubernetesPodOperator(")


def test_findings_have_their_place_and_reason() -> None:
    found = of(f"{HEAD}\n\nKubernetesPodOperator(\n    task_id='a',\n    in_cluster=inside(),\n    hostnetwork=True)\n")
    assert [(one.line, one.column, one.found) for one in found.left] == [(6, 5, "in_cluster=inside()")]
    assert [(one.line, one.column) for one in found.changed] == [(1, 72)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{{ execution_date.year }}", ["execution_date"]),
        ("x {{ macros.ds_add(next_ds, 1) }} {{ ds }}", ["next_ds"]),
        ("{% if prev_ds %}a{% endif %}", ["prev_ds"]),
        ("{{ params.execution_date }} execution_date", []),
        ("{{ dag_run.conf['execution_date'] }}", []),
        ("{{ logical_date }}", []),
    ],
)
def test_variables_that_templates_have_no_more_are_told(text: str, names: list[str]) -> None:
    found = of(f"{HEAD}KubernetesPodOperator(task_id='x', arguments=[{text!r}])\n")
    assert [one.why.split()[4] for one in found.left] == names
    assert repr(text) in found.after


def test_an_image_of_the_catalog_needs_no_word() -> None:
    known = replace(CHOICES, image=None)
    assert "pod_template" in body(f"KubernetesPodOperator(image='{REPOSITORY}:0.9-aa')", known)
    found = of(f"{HEAD}KubernetesPodOperator(image='else/where:1')\n", known)
    assert "--image else/where:1=<type>" in found.left[0].why
    assert not found.left[0].needed
    assert of(f"{HEAD}KubernetesPodOperator(image='else/where')\n", known).left[0].needed


def test_elyras_own_store_can_be_kept() -> None:
    file = next(one for one in FILES if one.name == "elyra3_two_notebooks.py")
    text = adopt(file.read_bytes(), file.name, replace(CHOICES, keep_store=True)).after
    assert "--cos-endpoint=http://store.example:9000" in text
    assert text.count("AWS_SECRET_ACCESS_KEY") == 4
    assert "--cos-endpoint" not in adopt(file.read_bytes(), file.name, CHOICES).after


def test_elyras_files_elsewhere_in_the_bucket_are_told() -> None:
    file = next(one for one in FILES if one.name == "elyra3_no_prefix.py")
    found = adopt(file.read_bytes(), file.name, CHOICES)
    assert any("object storage path prefix" in one.why for one in found.left)


@pytest.mark.parametrize(
    "more", ["; rm -rf /", " && curl evil", " | sh", " $(id)", " `id`", " > x", " --file a --file b"]
)
def test_a_command_with_more_in_it_is_not_touched(more: str) -> None:
    file = next(one for one in FILES if one.name == "elyra4_airflow3.py")
    text = file.read_text()
    changed = text.replace("--file 'load.py' ", f"--file 'load.py'{more} ")
    found = of(changed)
    assert f"{more}" in found.after
    assert any("not Elyra's own" in one.why for one in found.left)


SECRETS = {
    "env_vars={'DB_PASSWORD': 'hunter2'}": "DB_PASSWORD",
    "env_vars={'AWS_ACCESS_KEY_ID': 'minio', 'AWS_SECRET_ACCESS_KEY': 'minio123'}": "AWS_SECRET_ACCESS_KEY",
    "env_vars=[k8s.V1EnvVar(name='API_KEY', value='abc')]": "API_KEY",
    "arguments=['--password', 'hunter2']": "--password",
    "arguments=['--token=abc']": "token",
    "arguments=['postgresql://me:hunter2@db/x']": "a log-in in an address",
    "cmds=['sh', '-c', 'PGPASSWORD=hunter2 psql']": "PGPASSWORD",
    "password='hunter2'": "password",
}


@pytest.mark.parametrize("argument", SECRETS)
def test_credentials_are_refused_and_never_shown(argument: str) -> None:
    with pytest.raises(InputError) as refused:
        of(f"{HEAD}KubernetesPodOperator(task_id='x', {argument})\n")
    assert SECRETS[argument] in str(refused.value)
    assert not {"hunter2", "minio123", "abc"} & set(str(refused.value).replace("'", " ").split())
    assert refused.value.problems[0].file.startswith("old.py:2:")


@pytest.mark.parametrize(
    "argument",
    [
        "env_vars={'DB_PASSWORD': '{{ conn.db.password }}'}",
        "env_vars={'TOKEN_URL': 'https://login.example/token', 'SECRET_NAME': 'sales'}",
        "secrets=[Secret('env', 'DB_PASSWORD', 'db', 'password')]",
        "image_pull_secrets='regcred'",
        "env_vars={'DB_PASSWORD': ''}",
        "arguments=['--password', '{{ var.value.x }}']",
    ],
)
def test_what_only_names_a_secret_is_none(argument: str) -> None:
    of(f"{HEAD}KubernetesPodOperator(task_id='x', {argument})\n")


HOSTILE = {
    "syntax": (b"def x(:\n", "invalid syntax"),
    "half a file": (f"{HEAD}KubernetesPodOperator(".encode(), "was never closed"),
    "nul": (b"x = 1\0\n", "a NUL byte"),
    "10 MB": (b"x = 1\n" * 1_700_000, "bytes"),
    "not text": (b"\xff\xfe\x00x"[:2] + b"abc", "encoding"),
    "unknown encoding": (b"# coding: nowhere\nx = 1\n", "nowhere"),
    "brackets": (b"(" * 5000, ""),
    "minus": (b"x = " + b"-" * 5000 + b"1\n", ""),
    "sum": (b"x = " + b"1 + " * 20000 + b"1\n", "nested too deeply"),
    "attributes": (b"x = a" + b".b" * 20000 + b"\n", "nested too deeply"),
    "calls": (b"x = a" + b"()" * 5000 + b"\n", "nested too deeply"),
    "lists": (b"x = " + b"[" * (DEEPEST + 20) + b"]" * (DEEPEST + 20) + b"\n", "nested too deeply"),
    "lambdas": (b"x = " + b"lambda: " * 3000 + b"1\n", ""),
    "a python of tomorrow": (b"match x with y\n", "invalid syntax"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_get_one_message(name: str) -> None:
    content, message = HOSTILE[name]
    with pytest.raises(InputError) as refused:
        adopt(content, "hostile.py", CHOICES)
    assert len(refused.value.problems) == 1
    assert message in str(refused.value)
    assert len(str(refused.value)) < 1000


def test_nothing_of_a_file_runs(tmp_path) -> None:
    mark = tmp_path / "ran"
    text = f"import pathlib\npathlib.Path({str(mark)!r}).touch()\nexec('1/0')\n__import__('os')._exit(3)\n"
    assert of(text).after == text
    assert not mark.exists()


def test_a_file_without_airflow_is_left() -> None:
    found = of("import json\n\nprint(json)\n")
    assert (found.after, found.changed, found.left) == (found.before, (), ())


def test_check_lists_what_is_needed_with_place_and_fix() -> None:
    told = problems(f"{HEAD}KubernetesPodOperator(image='a:latest', in_cluster=True)\n".encode(), "dags/a.py", CHOICES)
    assert [one.file for one in told] == ["dags/a.py:1:72", "dags/a.py:2:23", "dags/a.py:2:41"]
    assert all("dags adopt dags/a.py --write" in one.fix for one in told)


def test_check_asks_nothing_of_files_that_are_right() -> None:
    file = next(one for one in FILES if one.name == "airflow3_catalog.py")
    assert problems(file.read_bytes(), file.name, Choices()) == []
