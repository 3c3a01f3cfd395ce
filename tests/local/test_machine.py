"""Where things are, for which environment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from local.machine import PORTS, Machine
from local.network import NODE_ADDRESS
from pipelines.errors import InputError


def test_places_follow_the_environment() -> None:
    machine = Machine.here({"HOME": "/home/ada", "XDG_CACHE_HOME": "/big/cache", "XDG_STATE_HOME": "/big/state"})
    assert machine.cache == Path("/big/cache/de-airflow-pipeline")
    assert machine.state == Path("/big/state/de-airflow-pipeline")
    assert machine.kubeconfig.is_relative_to(machine.state)
    assert machine.docker_config.is_relative_to(machine.state)
    assert Machine.here({"HOME": "/home/ada"}).state == Path("/home/ada/.local/state/de-airflow-pipeline")


def test_empty_variables_are_as_good_as_none() -> None:
    empty = {"HOME": "/home/ada", "XDG_CACHE_HOME": "", "DE_AIRFLOW_PIPELINE_PORT_OFFSET": ""}
    assert Machine.here(empty) == Machine.here({"HOME": "/home/ada"})


def test_an_offset_moves_all_ports_alike() -> None:
    moved = Machine.here({"HOME": "/home/ada", "DE_AIRFLOW_PIPELINE_PORT_OFFSET": "700"})
    assert (moved.registry, moved.mirror) == ("localhost:5700", "localhost:5701")
    assert {name: moved.port(name) - 700 for name in PORTS} == PORTS


@pytest.mark.parametrize("offset", ["a", "-1", "60000", "1.5", "²"])
def test_an_offset_that_is_none_is_refused(offset: str) -> None:
    with pytest.raises(InputError, match="expected: a whole number from 0 to 55276"):
        Machine.here({"HOME": "/home/ada", "DE_AIRFLOW_PIPELINE_PORT_OFFSET": offset})


def test_a_relative_folder_is_as_good_as_none() -> None:
    relative = {"HOME": "/home/ada", "XDG_CACHE_HOME": "cache", "XDG_STATE_HOME": "./state"}
    assert Machine.here(relative) == Machine.here({"HOME": "/home/ada"})


def test_no_two_listeners_share_a_port() -> None:
    assert len(set(PORTS.values())) == len(PORTS)


def test_children_find_this_platform_and_write_nothing_into_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    machine = Machine.here({"HOME": "/home/ada"})
    environment = machine.environment()
    assert environment["KUBECONFIG"] == str(machine.kubeconfig)
    assert environment["BUILDX_BUILDER"] == "local"
    assert environment["PATH"].split(":")[-1] == "/usr/bin"
    assert str(machine.tool("helm").parent) in environment["PATH"].split(":")
    assert Path(environment["KUBECACHEDIR"]).is_relative_to(machine.state)
    assert Path(environment["HELM_CACHE_HOME"]).is_relative_to(machine.state)
    assert "NO_PROXY" not in environment


def test_the_cluster_is_not_looked_for_behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.org:3128")
    monkeypatch.setenv("NO_PROXY", "example.org")
    told = Machine.here({"HOME": "/home/ada"}).environment()["NO_PROXY"].split(",")
    assert told[0] == "example.org"
    assert f"{NODE_ADDRESS.rpartition('.')[0]}.0/24" in told


def test_another_state_folder_has_another_control_group() -> None:
    machine = Machine.here({"HOME": "/home/ada"})
    assert replace(machine, state=Path("/other")).control_group != machine.control_group
    # The kubelet takes these two for separators.
    assert not {"_", "/"} & set(machine.control_group)
