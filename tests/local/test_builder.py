"""BuildKit's configuration, and where it leaves its files."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from local import builder
from local.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine.here({"HOME": str(tmp_path)})


def test_pushes_go_to_the_registry_and_upstream_names_to_the_mirror(machine: Machine) -> None:
    content = tomllib.loads(builder.configuration(machine))
    assert content["registry"]["docker.io"]["mirrors"] == [f"{machine.mirror}/docker.io"]
    assert content["registry"][machine.registry]["http"]
    assert Path(content["root"]).is_relative_to(machine.state)


def test_buildx_finds_the_builder(machine: Machine) -> None:
    builder.prepare(machine)
    kept = json.loads((machine.docker_config / "buildx" / "instances" / builder.INSTANCE).read_text())
    assert (kept["Driver"], kept["Nodes"][0]["Endpoint"]) == ("remote", machine.buildkit_address)
