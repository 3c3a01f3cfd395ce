"""What docs/adoption.md shows is what adoption does."""

from __future__ import annotations

import re
import tomllib

from typer.testing import CliRunner

from adoption.adopt import adopt
from adoption.moved import GONE, MOVED
from adoption.records import Choices
from adoption.syntax import DEEPEST, LARGEST
from commands.__main__ import app
from pipelines.image_table import DagImageTable, ProjectTable
from tests.conftest import ROOT

DOCUMENT = (ROOT / "docs/adoption.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)


def test_the_example_becomes_what_is_shown() -> None:
    before, after = blocks("python")
    assert adopt(before.encode(), "accounts.py", Choices(types=("accounts",), image="accounts")).after == after


def test_the_commands_are_there() -> None:
    for group, verb, words in re.findall(r"-m commands (\w+) (\w+)([^\n]*)", "".join(blocks("sh"))):
        shown = CliRunner().invoke(app, [group, verb, "--help"], env={"COLUMNS": "200"}).output
        assert all(option in shown for option in re.findall(r"--[a-z-]+", words))


def test_the_table_of_an_image_is_one() -> None:
    [table] = blocks("toml")
    read = tomllib.loads(table)
    ProjectTable.model_validate(read["project"])
    assert DagImageTable.model_validate(read["tool"]["dag-image"]).base == "bases/elyra"


def test_the_limits_and_classes_are_those_of_the_code() -> None:
    assert f"{LARGEST // 1024} KiB" in DOCUMENT
    assert f"{DEEPEST} levels" in DOCUMENT
    classes = {name.rpartition(".")[2] for name in GONE if "kubernetes" in name}
    assert all(f"`{name}`" in DOCUMENT for name in classes)


def test_no_name_moves_twice() -> None:
    assert not set(MOVED.values()) & set(MOVED)
