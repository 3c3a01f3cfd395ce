"""The schemas that editors read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pipelines.json_schemas import SCHEMAS, schema_text

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("file", SCHEMAS, ids=str)
def test_the_file_is_fresh(file):
    assert (ROOT / file).read_text() == schema_text(*SCHEMAS[file]), "python -m pipelines.json_schemas"


@pytest.mark.parametrize("file", SCHEMAS, ids=str)
def test_the_schema_knows_every_field_and_no_other(file):
    schema, (model, title) = json.loads(schema_text(*SCHEMAS[file])), SCHEMAS[file]
    assert schema["title"] == title
    assert schema["properties"].keys() == {field.alias or name for name, field in model.model_fields.items()}
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("file", SCHEMAS, ids=str)
def test_patterns_are_expressions(file):
    patterns = re.findall(r'"pattern": "(.*?)",?\n', schema_text(*SCHEMAS[file]))
    assert patterns
    for pattern in patterns:
        re.compile(json.loads(f'"{pattern}"'))
