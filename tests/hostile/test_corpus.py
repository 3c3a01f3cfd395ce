"""Hostile files: each is told or built, quickly and in little memory, and nothing in it runs."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from tests.airflow_environment import checks_pass
from tests.hostile.corpus import CANARY, FIELDS, PAYLOADS

pytestmark = pytest.mark.slow

SECONDS, BYTES = 2.0, 300e6
#: What a generated file may import, and what it never names, whatever its config says.
IMPORTED = {"json", "datetime", "functools", "pathlib", "zoneinfo", "airflow", "kubernetes", "airflow_runtime"}
NEVER = {"__import__", "eval", "exec", "open", "compile", "getattr", "globals", "os", "subprocess", "sys", "builtins"}


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


@pytest.mark.airflow
def test_what_is_generated_loads_in_airflow_and_runs_nothing(read: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    """Loaded, serialized, and its templates rendered, in the real Airflow."""
    generated = [one["generated"] for one in read.values() if one.get("generated")]
    different = {text: name for files in generated for name, text in files.items()}
    for number, (text, name) in enumerate(different.items()):
        (tmp_path / "generated" / str(number)).mkdir(parents=True)
        (tmp_path / "generated" / str(number) / name).write_text(text)
    assert len(different) > 50
    check = Path(__file__).with_name("inside") / "check_hostile.py"
    checks_pass(check, tmp_path, GENERATED=str(tmp_path / "generated"), CANARY=CANARY)
    assert not Path(CANARY).exists()
