"""BuildKit's configuration, and where it leaves its files."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from local import builder, mounts
from local.machine import Machine
from local.platform import TRANSIENT
from local.processes import Supervisor


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine.here({"HOME": str(tmp_path)})


def test_pushes_go_to_the_registry_and_upstream_names_to_the_mirror(machine: Machine) -> None:
    content = tomllib.loads(builder.configuration(machine))
    assert content["registry"]["docker.io"]["mirrors"] == [f"{machine.mirror}/docker.io"]
    assert content["registry"][machine.registry]["http"]
    assert Path(content["root"]).is_relative_to(machine.state)


def test_what_a_killed_build_leaves_goes_with_the_platform(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "inside", lambda _, *command: command)
    supervisor = Supervisor(machine.state / "run", machine.state / "logs")
    folder = Path(builder.daemon(machine, supervisor).environment["TMPDIR"])
    builder.prepare(machine)
    assert folder.is_dir()
    assert folder in [machine.state / "run" / name for name in TRANSIENT]


def test_buildx_finds_the_builder(machine: Machine) -> None:
    builder.prepare(machine)
    kept = json.loads((machine.docker_config / "buildx" / "instances" / builder.INSTANCE).read_text())
    assert (kept["Driver"], kept["Nodes"][0]["Endpoint"]) == ("remote", machine.buildkit_address)
