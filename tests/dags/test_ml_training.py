"""The notebook and the files beside it, as far as they need neither scikit-learn nor TensorFlow."""

from __future__ import annotations

import ast
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

DAGS = Path(__file__).parents[2] / "dags"
SOURCE = DAGS / "ml_training"


@pytest.fixture(scope="module")
def notebook() -> dict:
    return json.loads((SOURCE / "training.ipynb").read_text())


def load_digits() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ml_training_digits", SOURCE / "digits.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


digits = load_digits()


def test_no_run_is_left_in_the_notebook(notebook):
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert {(cell["execution_count"], len(cell["outputs"])) for cell in code} == {(None, 0)}
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)


def test_its_parameters_are_the_tasks(notebook):
    (cell,) = [cell for cell in notebook["cells"] if "parameters" in cell["metadata"].get("tags", ())]
    names = {statement.targets[0].id for statement in ast.parse("".join(cell["source"])).body}
    arguments = yaml.safe_load((DAGS / "ml_training.yaml").read_text())["tasks"]["train"]["arguments"]
    assert names == {"folder", *arguments} - {"run_id"}


@given(some.lists(some.tuples(some.integers(0, 9), some.booleans(), some.integers(0, 16)), min_size=1, max_size=5))
def test_digits_read_back_are_those_written(rows):
    pixels = numpy.array([[shade] * digits.PIXELS for _, _, shade in rows])
    labels, held_out = numpy.array([row[0] for row in rows]), numpy.array([row[1] for row in rows])
    found = digits.read(digits.written(digits.Digits(pixels, labels, held_out)))
    assert numpy.array_equal(found.pixels, pixels)
    assert numpy.array_equal(found.labels, labels)
    assert numpy.array_equal(found.held_out, held_out)
    shades, right = found.part(held_out=True)
    assert numpy.array_equal(shades * 16, pixels[held_out])
    assert numpy.array_equal(right, labels[held_out])
