"""What the cluster's network takes of the host, and gives back."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import replace
from pathlib import Path

import pytest

from local import network
from local.machine import NETWORKS, POD_NETWORK, Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine.here({"HOME": str(tmp_path)})
    made.state.mkdir(parents=True)
    return made


class Host:
    """A host of plain files, which records the commands that it is given."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.commands: list[tuple[str, ...]] = []
        self.settings = folder / "sys"
        for name in network.KERNEL_SETTINGS:
            (self.settings / name).parent.mkdir(parents=True, exist_ok=True)
            (self.settings / name).write_text("0\n")
        self.interface = False
        monkeypatch.setattr(network, "SYSCTL", self.settings)
        monkeypatch.setattr(network, "_run", self.run)
        monkeypatch.setattr(network, "interface_exists", lambda: self.interface)
        monkeypatch.setattr(network, "table_exists", lambda family, name: self.interface)

    def run(self, *command: str, text: str | None = None) -> str:
        self.commands.append(command)
        if command[:3] in (("ip", "link", "add"), ("ip", "link", "delete")):
            self.interface = command[2] == "add"
        return "[]" if "-json" in command else ""

    def value(self, name: str) -> str:
        return (self.settings / name).read_text().strip()


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path / "host", monkeypatch)


def test_addresses_agree() -> None:
    assert ipaddress.ip_address(network.NODE_ADDRESS) in ipaddress.ip_network(POD_NETWORK)
    pods, services = map(ipaddress.ip_network, NETWORKS)
    assert not pods.overlaps(services)


def test_pods_get_addresses_that_are_forgotten_with_what_runs(machine: Machine) -> None:
    plugin = json.loads(network.cni_configuration(machine))["plugins"][0]
    assert plugin["type"] == "ptp"
    assert plugin["ipam"]["ranges"] == [[{"subnet": POD_NETWORK, "gateway": network.NODE_ADDRESS}]]
    assert Path(plugin["ipam"]["dataDir"]).is_relative_to(machine.state / "run")


def test_what_was_changed_is_put_back(machine: Machine, host: Host) -> None:
    network.start(machine)
    assert host.value("net/ipv4/ip_forward") == "1"
    (host.settings / "kernel/panic").write_text("10")
    network.start(machine)
    network.stop(machine)
    assert {host.value(name) for name in network.KERNEL_SETTINGS} == {"0"}
    deleted = {command[-2:] for command in host.commands if command[:3] == ("nft", "delete", "table")}
    assert deleted == {*network.PROXY_TABLES, network.OWN_TABLE}
    assert ("ip", "link", "delete", network.INTERFACE) in host.commands
    assert not network.ours(machine)


def test_what_is_sent_to_pods_that_are_gone_does_not_leave_the_machine(machine: Machine, host: Host) -> None:
    network.start(machine)
    assert ("ip", "route", "replace", "unreachable", POD_NETWORK) in host.commands
    network.stop(machine)
    assert ("ip", "route", "flush", "exact", POD_NETWORK, "type", "unreachable") in host.commands


def test_a_network_of_another_state_folder_is_left_alone(machine: Machine, host: Host, tmp_path: Path) -> None:
    network.start(machine)
    host.commands.clear()
    network.stop(replace(machine, state=tmp_path / "other"))
    assert host.commands == []
    assert network.ours(machine)


def test_a_stop_that_was_killed_is_finished_by_the_next(machine: Machine, host: Host) -> None:
    network.start(machine)
    host.interface = False
    network.stop(machine)
    assert not network.ours(machine)
    assert host.value("net/ipv4/ip_forward") == "0"


def test_the_interface_is_made_once(machine: Machine, host: Host) -> None:
    network.start(machine)
    network.start(machine)
    assert len([command for command in host.commands if command[:3] == ("ip", "link", "add")]) == 1


def test_the_rules_replace_themselves_and_leave_the_cluster_s_own_traffic() -> None:
    lines = [line.strip() for line in network.RULES.strip().splitlines()]
    name = " ".join(network.OWN_TABLE)
    assert lines[:2] == [f"table {name}", f"delete table {name}"]
    assert f"ip saddr {POD_NETWORK} ip daddr != {{ {', '.join(NETWORKS)} }} masquerade" in lines
