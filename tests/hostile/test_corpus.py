"""Hostile files: each is told or built, quickly and in little memory, and nothing in it runs."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.corpus import CANARY, FIELDS, PAYLOADS

pytestmark = pytest.mark.slow

SECONDS, BYTES = 2.0, 300e6
#: What a generated file may import, and what it never names, whatever its config says.
IMPORTED = {"json", "datetime", "functools", "pathlib", "zoneinfo", "airflow", "kubernetes", "airflow_runtime"}
NEVER = {"__import__", "eval", "exec", "open", "compile", "getattr", "globals", "os", "subprocess", "sys", "builtins"}


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[dict[str, dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("hostile")
    command = [sys.executable, "-m", "tests.hostile.read_each", str(folder)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    yield {one["name"]: one for one in found}
    assert not Path(CANARY).exists()


def test_there_are_enough(read: dict[str, dict[str, Any]]) -> None:
    assert len(read) >= 200
    assert len(read) > len(FIELDS) * len(PAYLOADS)


def test_none_ends_in_a_traceback(read: dict[str, dict[str, Any]]) -> None:
    assert {name: one["raised"] for name, one in read.items() if "raised" in one} == {}


def test_none_takes_long_or_much(read: dict[str, dict[str, Any]]) -> None:
    assert {name: one["seconds"] for name, one in read.items() if one["seconds"] > SECONDS} == {}
    assert {name: one["bytes"] / 1e6 for name, one in read.items() if one["bytes"] > BYTES} == {}


def test_nothing_in_them_runs(read: dict[str, dict[str, Any]]) -> None:
    assert {name: one["events"] for name, one in read.items() if one.get("events")} == {}
    assert not Path(CANARY).exists()


def test_what_is_told_has_its_place_and_moves_no_terminal(read: dict[str, dict[str, Any]]) -> None:
    told = {name: one["told"] for name, one in read.items() if one.get("told")}
    assert len(told) > len(read) / 2
    for name, text in told.items():
        assert all(line.isprintable() for line in text.splitlines()), name
        assert len(text) < 1_000_000, name
        assert re.search(r"^dags/letters\.yaml:\d+:\d+", text, re.MULTILINE), text[:500]


def test_what_is_generated_does_what_it_always_does(read: dict[str, dict[str, Any]]) -> None:
    generated = {name: one["generated"] for name, one in read.items() if one.get("generated")}
    assert len(generated) > 50
    for name, files in generated.items():
        nodes = [node for text in files.values() for node in ast.walk(ast.parse(text))]
        modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        modules |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
        assert {module.partition(".")[0] for module in modules} <= IMPORTED, name
        assert {node.id for node in nodes if isinstance(node, ast.Name)}.isdisjoint(NEVER), name
        assert {node.attr for node in nodes if isinstance(node, ast.Attribute)}.isdisjoint(NEVER), name
