"""docs/dag-configs.md: the example is a DAG config, and every key has its row."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.argument_template import bad_templates
from pipelines.dag_form import Dag
from pipelines.dag_form_task import POD_ONLY

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "dag-configs.md").read_text()
SCHEMA = json.loads((ROOT / "dags" / "schema.json").read_text())
#: What the file holds, by its name in the schema. Manifests of Kubernetes have documentation of their own.
FORMS: dict[str, dict[str, Any]] = {
    "Dag": SCHEMA["properties"],
    **{name: form["properties"] for name, form in SCHEMA["$defs"].items() if not name.startswith("Kubernetes.")},
}
KEYS = DOCUMENT.partition("\n## All keys\n")[2].partition("\n## ")[0]
AIRFLOW_S = re.compile(r"Airflow: (\w+(?:, \w+)*)")


def words(text: str) -> set[str]:
    """What stands between backticks."""
    return {word for span in re.findall(r"`([^`]+)`", text) for word in re.findall(r"\w+", span)}


def rows(heading: str) -> list[list[str]]:
    """The cells of all tables whose first heading begins so."""
    tables = [block.splitlines() for block in KEYS.split("\n\n") if block.startswith(f"| {heading}")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for _, _, *body in tables for line in body]


def test_the_example() -> None:
    [example] = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
    dag = Dag.model_validate(yaml.safe_load(example))
    assert not [bad for task in dag.tasks.values() for bad in bad_templates(task.templated)]


@pytest.mark.parametrize(("form", "heading"), [("Dag", "the DAG"), ("Task", "a task: ")])
def test_the_keys_are_those_of_the_form(form: str, heading: str) -> None:
    assert set().union(*(words(cells[0]) for cells in rows(heading))) == set(FORMS[form])


@pytest.mark.parametrize("form", FORMS)
def test_every_key_is_listed_with_airflow_s_name(form: str) -> None:
    named = [
        name
        for field in FORMS[form].values()
        if (found := AIRFLOW_S.search(field.get("description", "")))
        for name in found[1].split(", ")
    ]
    assert {*FORMS[form], *named} - words(KEYS) == set()


def test_keys_of_pods_only_are_told_from_the_others() -> None:
    marked = [words(cells[0]) for cells in rows("a task: ") if cells[2].startswith("`pod` only")]
    assert set().union(*marked) == POD_ONLY
