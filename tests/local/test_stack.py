"""The dev stack as this machine deploys it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local import stack
from local.engine import STAND_IN, Choice
from local.machine import PORT_OFFSET, Machine
from pipelines.errors import InputError

CHOICE = Choice("direct", "stand-in", STAND_IN)


@pytest.fixture
def machine(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.chdir(root)
    for name in (stack.NAME_VARIABLE, "AIRFLOW_CHART"):
        monkeypatch.delenv(name, raising=False)
    machine = Machine.here({"HOME": str(tmp_path)})
    machine.state.mkdir(parents=True)
    return machine


def test_what_only_the_machine_knows_is_laid_over_the_stack_file(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = stack.settings(machine, CHOICE)
    assert settings.chart.path == STAND_IN
    assert settings.registry.server == machine.registry
    monkeypatch.setenv(stack.NAME_VARIABLE, "airflow-beside")
    moved = Machine.here({"HOME": str(tmp_path), PORT_OFFSET: "100"})
    beside = stack.settings(moved, CHOICE)
    assert (beside.name, beside.registry.server) == ("airflow-beside", moved.registry)
    assert moved.registry != machine.registry


def test_the_log_in_is_the_platforms_own(machine: Machine) -> None:
    [none_yet] = stack.credentials(machine)
    assert (none_yet["server"], none_yet["username"]) == (machine.registry, "none-yet")
    held = {"server": machine.registry, "username": "user", "password": "secret"}
    machine.registry_credentials.write_text(json.dumps(held))
    assert stack.credentials(machine) == [held]
    machine.registry_credentials.write_text(json.dumps({**held, "server": "localhost:1"}))
    assert stack.credentials(machine) == [none_yet]


@pytest.mark.parametrize("content", ["", "[]", '{"server": "x"}', '{"server": "x", "username": "", "password": "y"}'])
def test_a_broken_log_in_is_refused(machine: Machine, content: str) -> None:
    machine.registry_credentials.write_text(content)
    with pytest.raises(InputError, match="no whole log-in"):
        stack.credentials(machine)


def test_a_stack_of_another_cluster_and_registry_is_refused_at_once(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = stack.STACK_FILE.read_text()
    elsewhere = text.replace(machine.registry, "ghcr.io").replace(stack.KUBE_CONTEXT, "production")
    assert elsewhere != text
    monkeypatch.chdir(tmp_path)
    stack.STACK_FILE.write_text(elsewhere)
    with pytest.raises(InputError) as caught:
        stack.settings(machine, CHOICE)
    assert {problem.key: problem.found for problem in caught.value.problems} == {
        "kubernetes.context": "production",
        "registry.server": "ghcr.io",
    }
