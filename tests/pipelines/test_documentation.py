"""The example in the documentation is a DAG config, and shows every field."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from pipelines.argument_template import bad_templates
from pipelines.dag_form import Dag, Task

DOCUMENT = Path(__file__).parents[2] / "docs" / "dag-configs.md"


def test_the_example():
    [example] = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    dag = Dag.model_validate(yaml.safe_load(example))
    assert dag.model_fields_set == Dag.model_fields.keys()
    shown = set().union(*(task.model_fields_set for task in dag.tasks.values()))
    assert shown == Task.model_fields.keys()
    assert not [bad for task in dag.tasks.values() for bad in bad_templates(task.templated)]
