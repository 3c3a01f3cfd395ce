"""The example in the documentation is a DAG config."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from pipelines.argument_template import bad_templates
from pipelines.dag_form import Dag

DOCUMENT = Path(__file__).parents[2] / "docs" / "dag-configs.md"


def test_the_example():
    [example] = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    dag = Dag.model_validate(yaml.safe_load(example))
    assert not [bad for task in dag.tasks.values() for bad in bad_templates(task.templated)]
