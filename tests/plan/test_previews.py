"""What the plan says happens to resources, against what the engine said of the same changes on a deployed stack."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from plan.differences import resources
from plan.explanation import Broken
from plan.model import Plan
from tests.plan import changes, engine

ROOT = Path(__file__).parents[2]
#: Change -> what the engine says otherwise, by resource; docs/plan.md says why.
OTHERWISE: dict[str, engine.Operations] = {}
#: The kinds that a preview is asked of afresh.
ASKED_AFRESH = ("nothing", "an image's file edited", "a quota", "a task's Secret added")


def recorded(part: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(engine.RECORDED.read_text())[part]
    return found


def test_every_kind_of_change_was_previewed() -> None:
    assert tuple(recorded("operations")) == engine.ASKED
    assert {*engine.ASKED} <= changes.CHANGES.keys()
    assert {*recorded("refused")} == {*engine.PROTECTED}


@pytest.mark.slow
def test_the_plan_names_the_resources_and_operations_of_the_engine(
    planned: changes.Planned,
) -> None:
    base, said = plan_of(planned["base"]), recorded("operations")
    ours = {name: {one.key: one.operation for one in resources(base, plan_of(planned[name]))} for name in said}
    theirs = {name: without(operations, OTHERWISE.get(name, {})) for name, operations in said.items()}
    ours = {name: without(operations, OTHERWISE.get(name, {})) for name, operations in ours.items()}
    assert {name: [ours[name], theirs[name]] for name in said if ours[name] != theirs[name]} == {}


def without(operations: Mapping[str, str], explained: Mapping[str, str]) -> dict[str, str]:
    return {key: operation for key, operation in operations.items() if key not in explained}


@pytest.mark.slow
def test_what_the_engine_refuses_for_its_protection_the_plan_calls_so(planned: changes.Planned) -> None:
    base = plan_of(planned["protection on"])
    for name, stopped_at in recorded("refused").items():
        refused = {one.key for one in resources(base, plan_of(planned[name])) if one.refused}
        assert stopped_at
        assert {*stopped_at} <= refused, name


def plan_of(planned: Plan | Broken) -> Plan:
    assert isinstance(planned, Plan), planned
    return planned


@pytest.mark.slow
@pytest.mark.cli
@pytest.mark.toolchain
def test_the_engine_still_says_so(tmp_path: Path) -> None:
    if what := engine.lacks():
        pytest.skip(f"there is no {what}")
    again = tmp_path / "previews.yaml"
    command = [sys.executable, "-m", "tests.plan.engine", "--to", str(again), *ASKED_AFRESH]
    subprocess.run(command, cwd=ROOT, env=os.environ, check=True)
    said = recorded("operations")
    assert yaml.safe_load(again.read_text())["operations"] == {name: said[name] for name in ASKED_AFRESH}
