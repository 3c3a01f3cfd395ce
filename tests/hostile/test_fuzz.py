"""Arbitrary documents in the place of a config, or of any part of a good one: told or built, never a traceback."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.dag_config import CheckedDags, check_dags
from pipelines.dag_tree import published_tree
from pipelines.errors import InputError
from pipelines.stack_checks import Provision
from tests.hostile.corpus import BASE
from tests.hostile.read_each import prepared
from tests.pipelines.trees import catalog

pytestmark = pytest.mark.slow
CATALOG = catalog()
TEMPLATES = st.text(st.sampled_from("{}%#'\"()|.$\\ \n dsti_"), max_size=40)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | TEMPLATES | st.dates()
FIELDS = ("kind", "pod", "entry", "letters:count", "depends_on", "count", "secret", "task", "name")
DOCUMENTS = st.recursive(
    SCALARS | st.sampled_from(FIELDS),
    lambda inside: (
        st.lists(inside, max_size=4)
        | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), inside, max_size=4)
    ),
    max_leaves=12,
)
quiet = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=150)


@pytest.fixture(scope="module")
def dags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(tmp_path_factory.mktemp("fuzz"), BASE.encode())


def read(dags: Path, content: bytes) -> CheckedDags:
    (dags / "letters.yaml").write_bytes(content)
    checked = check_dags(dags, CATALOG, Provision())
    assert bool(checked.problems) != bool(checked.dags)
    str(InputError(checked.problems)).encode()
    for path, text in published_tree(checked.dags, CATALOG, dags).files.items():
        if path.endswith(".py"):
            ast.parse(text)
    return checked


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a document."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(path for key, item in below for path in paths(item, (*here, key)))]


GOOD = yaml.safe_load(BASE)


@quiet
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode(errors="replace")))
def test_any_bytes(dags: Path, content: bytes) -> None:
    assert read(dags, content).problems
    read(dags, BASE.encode() + content)


@quiet
@given(document=DOCUMENTS)
def test_any_document(dags: Path, document: Any) -> None:
    assert read(dags, yaml.safe_dump(document, allow_unicode=True).encode(errors="replace")).problems


@quiet
@given(path=st.sampled_from(paths(GOOD)[1:]), value=DOCUMENTS)
def test_anything_in_the_place_of_a_part(dags: Path, path: tuple[Any, ...], value: Any) -> None:
    changed = yaml.safe_load(BASE)
    inside = changed
    for part in path[:-1]:
        inside = inside[part]
    inside[path[-1]] = value
    read(dags, yaml.safe_dump(changed, allow_unicode=True).encode(errors="replace"))
