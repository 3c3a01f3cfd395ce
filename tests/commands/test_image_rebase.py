from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from commands.image_rebase import rebased
from pipelines.errors import InputError

ROOT = Path(__file__).parents[2]
BASES = {"bases/worker": "apache/airflow:3.3.2-python3.14"}


@pytest.fixture
def images(tmp_path: Path) -> Path:
    target = tmp_path / "images"
    shutil.copytree(ROOT / "images/bases", target / "bases", ignore=shutil.ignore_patterns("__pycache__"))
    return target


def test_table_and_dockerfile_name_the_new_base_and_nothing_else_changes(images: Path) -> None:
    before = {path: path.read_text() for path in images.rglob("*") if path.is_file()}
    written = rebased(images, BASES)
    assert [path.name for path in written] == ["pyproject.toml", "Dockerfile"]
    for path, text in before.items():
        old = text.splitlines()
        new = path.read_text().splitlines()
        changed = [line for one, line in zip(old, new, strict=True) if one != line]
        assert changed == [
            line
            for line in ('upstream = "apache/airflow:3.3.2-python3.14"', f"ARG BASE_IMAGE={BASES['bases/worker']}")
            if path in written and line in new
        ]
    assert rebased(images, BASES) == []


def test_a_line_that_is_missing_is_named_and_nothing_is_written(images: Path) -> None:
    dockerfile = images / "bases/worker/Dockerfile"
    dockerfile.write_text("FROM scratch\n")
    table = (images / "bases/worker/pyproject.toml").read_text()
    with pytest.raises(InputError, match="no such line"):
        rebased(images, BASES)
    assert (images / "bases/worker/pyproject.toml").read_text() == table
