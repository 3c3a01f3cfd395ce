"""What Airflow's image ships, written down, and locks that were not resolved under it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import InputError
from pipelines.image_inventory import Inventory, inventory_text, read_inventory
from pipelines.image_lock import parse_lock
from pipelines.images import load_images
from pipelines.installed import Distribution, Installed
from pipelines.lock_header import Requirements, with_header
from tests.pipelines.trees import AIRFLOW, REPOSITORY, copy_tree

UPSTREAM = "apache/airflow:3.2.2-python3.13"
PACKAGES = Installed(
    (
        Distribution("aiohttp", "3.14.0", "home/lib", "MIT"),
        Distribution("apache-airflow-core", "3.2.2", "home/lib", "Apache-2.0"),
        Distribution("pip", "25.0", "usr/lib", "MIT"),
    )
)
# Normalized names: PEP 503 takes a run of separators for one hyphen.
names = st.from_regex(r"[a-z]{1,4}(-[a-z]{1,4})?", fullmatch=True)


def test_only_what_workers_import_is_listed() -> None:
    assert inventory_text(UPSTREAM, PACKAGES) == f"# of {UPSTREAM}\naiohttp==3.14.0\napache-airflow-core==3.2.2\n"
    with pytest.raises(ValueError, match="holds no Airflow"):
        inventory_text("debian:trixie", Installed())


@given(st.dictionaries(names, st.sampled_from(["1.0", "2.0"]), max_size=5))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, versions: dict[str, str]) -> None:
    folder = tmp_path_factory.mktemp("base")
    core = Distribution("apache-airflow-core", "3.2.2", "lib", "")
    found = Installed((core, *(Distribution(name, version, "lib", "") for name, version in versions.items())))
    (folder / "inventory.txt").write_text(inventory_text(UPSTREAM, found))
    inventory, problems = read_inventory(folder, "images/bases/worker", "bases/worker")
    assert problems == []
    assert inventory
    assert (inventory.upstream, inventory.versions) == (UPSTREAM, {**versions, "apache-airflow-core": "3.2.2"})


def test_lines_that_pin_nothing_are_told(tmp_path: Path) -> None:
    (tmp_path / "inventory.txt").write_text("nothing\naiohttp>=3\n???\n")
    _, problems = read_inventory(tmp_path, "images/x", "x")
    assert [problem.file for problem in problems] == [
        "images/x/inventory.txt:2",
        "images/x/inventory.txt:3",
        "images/x/inventory.txt:1",
    ]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = copy_tree(tmp_path / "tree")
    (root / "images/warehouse/inventory.txt").write_text(inventory_text(UPSTREAM, PACKAGES))
    pyproject = root / "images/warehouse/pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("[tool", 'dependencies = ["duckdb==2.0.0"]\n\n[tool', 1))
    return root


def told(tree: Path, body: str, inventory: str) -> list[str]:
    lock = with_header(Requirements(("duckdb==2.0.0",), "==3.13.*"), body, inventory)
    assert parse_lock(lock).unreadable == ()
    (tree / "images/warehouse/requirements.lock").write_text(lock)
    try:
        load_images(tree / "images", REPOSITORY, AIRFLOW)
    except InputError as error:
        return [f"{problem.file} | {problem.key} | {problem.found}" for problem in error.problems]
    return []


DUCKDB = f"duckdb==2.0.0 --hash=sha256:{'0' * 64}\n"
FITTING = Inventory("", UPSTREAM, {"aiohttp": "3.14.0", "apache-airflow-core": "3.2.2"}).sha256


def test_a_lock_resolved_under_the_inventory(tree: Path) -> None:
    assert told(tree, DUCKDB, FITTING) == []


def test_a_lock_resolved_under_another_or_none(tree: Path) -> None:
    place = "images/warehouse/requirements.lock:1 | inventory-sha256"
    assert told(tree, DUCKDB, "0" * 64) == [f"{place} | a lock resolved under other packages"]
    assert told(tree, DUCKDB, "") == [f"{place} | no such line"]


def test_a_lock_that_would_replace_what_the_base_ships(tree: Path) -> None:
    body = f"aiohttp==4.0 --hash=sha256:{'0' * 64}\n{DUCKDB}"
    assert told(tree, body, FITTING) == ["images/warehouse/requirements.lock:5 | aiohttp | version 4.0"]


def test_an_inventory_of_another_image(tree: Path) -> None:
    (tree / "images/warehouse/inventory.txt").write_text(inventory_text("apache/airflow:3.1.0-python3.13", PACKAGES))
    assert told(tree, DUCKDB, FITTING) == [
        "images/warehouse/inventory.txt:1 |  | the packages of apache/airflow:3.1.0-python3.13"
    ]
