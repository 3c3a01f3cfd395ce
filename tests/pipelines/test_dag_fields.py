"""Every field of a DAG config reaches Airflow: one table, one process of real Airflow."""

from __future__ import annotations

import ast
import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from pipelines import dag_form, dag_form_pod, dag_form_schedule, dag_form_task
from pipelines.argument_template import is_template
from pipelines.dag_code import dag_source
from pipelines.dag_config import DagConfig, Source
from pipelines.dag_form import Dag
from pipelines.dag_form_values import Form
from tests.airflow_environment import checks_pass
from tests.pipelines.dag_fields import FIELDS, MORE, Case, dag
from tests.pipelines.trees import catalog

HERE = Path(__file__).parent
CATALOG = catalog().with_digests(
    {name: f"sha256:{letter * 64}" for name, letter in (("letters", "a"), ("warehouse", "b"))}
)
CASES = {f"c{number:03}": case for number, case in enumerate([*FIELDS.values(), *MORE.values()])}
NAMES = dict(zip(CASES, [*FIELDS, *MORE], strict=True))


def records() -> Iterator[type[Form]]:
    for module in (dag_form, dag_form_task, dag_form_pod, dag_form_schedule):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Form) and value.__module__ == module.__name__:
                yield value


def fields_of(record: type[Form]) -> set[str]:
    own = {name for base in record.__mro__ if base in set(records()) for name in vars(base).get("__annotations__", {})}
    return {name for name in record.model_fields if name in own} - inherited(record)


def inherited(record: type[Form]) -> set[str]:
    return {name for base in record.__bases__ if issubclass(base, Form) for name in base.model_fields}


def said(value: object) -> Iterator[str]:
    """``Record.field`` of each field that a form says."""
    if isinstance(value, BaseModel):
        for name in value.model_fields_set:
            owner = next(base for base in type(value).__mro__ if name in vars(base).get("__annotations__", {}))
            yield f"{owner.__name__}.{name}"
            yield from said(getattr(value, name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from said(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from said(item)


def config(dag_id: str, case: Case) -> DagConfig:
    dag = Dag.model_validate({**case.form, "dag_id": dag_id})
    own = {task: Source({}, "1" * 64) for task in dag.with_own_source}
    return DagConfig(f"dags/{dag_id}.yaml", "0" * 64, dag, Source({}, "0" * 64), own)


def test_every_field_of_the_form_stands_in_the_table() -> None:
    fields = {f"{record.__name__}.{name}" for record in set(records()) for name in fields_of(record)}
    listed = [name for names in FIELDS for name in names.split()]
    assert sorted(listed) == sorted(fields)


@pytest.mark.parametrize("names", FIELDS)
def test_a_case_says_the_fields_that_it_is_listed_for(names: str) -> None:
    case = FIELDS[names]
    assert case.expected
    assert set(names.split()) <= set(said(Dag.model_validate({**case.form, "dag_id": "case"})))


def test_every_field_is_documented() -> None:
    bare = {
        f"{record.__name__}.{name}"
        for record in (Dag, *(record for record in records() if issubclass(record, dag_form_task.TaskDefaults)))
        for name, field in record.model_fields.items()
        if not field.description
    }
    assert bare <= {"Dag.tasks"}


@pytest.mark.airflow
def test_in_airflow(tmp_path: Path) -> None:
    folder = tmp_path / "generated"
    folder.mkdir()
    for dag_id, case in CASES.items():
        (folder / f"{dag_id}.py").write_text(dag_source(config(dag_id, case), CATALOG))
    (folder / "letters").mkdir()
    told = {dag_id: {"name": NAMES[dag_id], **dataclasses.asdict(case)} for dag_id, case in CASES.items()}
    images = {type_: image.pinned for type_, image in CATALOG.images.items()}
    (tmp_path / "cases.json").write_text(json.dumps({"cases": told, "images": images}))
    checks_pass(
        HERE / "inside/check_fields.py", tmp_path, GENERATED=str(folder), CASES=str(tmp_path / "cases.json"),
        XCOM_SIDECAR_IMAGE="busybox:1.37.0-musl", AIRFLOW_CONN_OTHER="kubernetes://",
    )  # fmt: skip


HOSTILE = st.lists(
    st.sampled_from(
        ["'", '"', '"""', "\\", "\n", "\r", "#", "{{", "}}", "{%", "%}", "{#", "$(HOME)", "$$", "import os", "):", "é",
         "\u202e", "\x1b", ".sh", ".md", "\x7f"]
    ) | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=3),
    min_size=1,
    max_size=8,
).map("".join).filter(bool)  # fmt: skip


def with_text(text: str) -> DagConfig:
    """A config that says a text wherever any text may stand."""
    beside = {"command": [text], "arguments": [text], "env": {"X": text}}
    common = {
        "env": {"X": text, "Y": {"field": "status.podIP"}},
        "annotations": {"note": text},
        "doc_md": text,
        "init_containers": [{"name": "first", **beside}],
        "sidecars": [{"name": "second", **beside}],
        "full_pod_spec": {
            "metadata": {"annotations": {"note": text}},
            "spec": {"containers": [{"name": text, "command": [text], "env": [{"name": text, "value": text}]}]},
        },
        "affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": text}]}},
    }
    plain = {"value": [text, {"{ }" + text.replace("{", "("): text}]} if not is_template(text) else {}
    literal = [] if is_template(text) else [text]
    tasks = {
        "one": {"kind": "pod", "entry": "a:b", "arguments": plain, "expand": [text, {text: [text]}], **common},
        "two": {"kind": "pod", "command": ["x", *literal], "arguments": ["y", *literal], **common},
        "three": {"kind": "python", "image": "warehouse", "entry": "a:b", "arguments": plain, **common},
        "four": {"kind": "bash", "image": "warehouse", "script": text, "arguments": {"X": literal}, **common},
    }
    form = {
        "description": text,
        "doc_md": text,
        "dag_display_name": text[:100],
        "owner": text[:100],
        "tags": [text[:100]],
        "params": {
            "p": {
                "default": {text: text},
                "title": text,
                "description": text,
                "examples": [text],
                "enum": [{text: text}],
            }
        },
        "groups": {"all": {"tooltip": text}},
    }
    case = dag(tasks=tasks, **form)
    return config("hostile", case)


def skeleton(source: str) -> str:
    """The tree of a file, each text in it replaced by one letter."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = "s"
    return ast.dump(tree)


@pytest.mark.slow
@given(text=HOSTILE)
def test_no_text_of_a_config_becomes_code(text: str) -> None:
    harmless = "s" if not is_template(text) else "{{ 1 }}"
    source = dag_source(with_text(text), CATALOG)
    assert skeleton(source) == skeleton(dag_source(with_text(harmless), CATALOG))
    assert all(ord(character) >= 32 or character == "\n" for character in source)
