"""What the machine must have, told all at once."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from local import preflight
from local.machine import POD_NETWORK, PORT_OFFSET, Machine
from local.preflight import GIB, Facts, require
from pipelines.errors import InputError

MACHINE = Machine.here({"HOME": "/home/ada"})
GOOD = Facts(
    system="Linux",
    user=0,
    go=(1, 25, 0),
    disk_free={MACHINE.cache: 50 * GIB, MACHINE.state: 50 * GIB},
    listeners={("127.0.0.1", 22): "sshd (process 7)"},
    routes=("192.0.2.0/24",),
    missing_packages=("runc",),
    apt=True,
    foreign_proxy=False,
    must_build=True,
)
ELSEWHERE = "or use a cluster and a registry that you have (kind and k3d do on a laptop): see README.md"

GOLDEN: Mapping[str, tuple[Facts, str]] = {
    "no root": (
        replace(GOOD, user=1000),
        f"""1 problem, nothing was changed:
this machine: user
    found:    user id 1000
    expected: root (user id 0)
    fix:      run the command as root (`sudo -E make up`), {ELSEWHERE}""",
    ),
    "Go too old": (
        replace(GOOD, go=(1, 19, 8)),
        """1 problem, nothing was changed:
this machine: Go
    found:    Go 1.19.8
    expected: Go 1.25 or newer
    fix:      install it from https://go.dev/dl/ and put it on PATH""",
    ),
    "no Go": (
        replace(GOOD, go=None),
        """1 problem, nothing was changed:
this machine: Go
    found:    no `go` on PATH
    expected: Go 1.25 or newer
    fix:      install it from https://go.dev/dl/ and put it on PATH""",
    ),
    "port in use": (
        replace(GOOD, listeners={("127.0.0.1", 5000): "python3 (process 42)"}),
        """1 problem, nothing was changed:
this machine: port 5000
    found:    python3 (process 42) listens on 127.0.0.1:5000
    expected: free, for registry
    fix:      stop python3 (process 42), or set DE_AIRFLOW_PIPELINE_PORT_OFFSET, for example to 1000""",
    ),
    "port in use on every address": (
        replace(GOOD, listeners={("::", 6443): "k3s (process 9)"}),
        """1 problem, nothing was changed:
this machine: port 6443
    found:    k3s (process 9) listens on :::6443
    expected: free, for kube-apiserver
    fix:      stop k3s (process 9), or set DE_AIRFLOW_PIPELINE_PORT_OFFSET, for example to 1000""",
    ),
    "port in use by another user": (
        replace(GOOD, listeners={("127.0.0.1", 5000): preflight.UNKNOWN}),
        """1 problem, nothing was changed:
this machine: port 5000
    found:    another process listens on 127.0.0.1:5000
    expected: free, for registry
    fix:      stop it, or set DE_AIRFLOW_PIPELINE_PORT_OFFSET, for example to 1000""",
    ),
    "disk nearly full": (
        replace(GOOD, disk_free={MACHINE.cache: 50 * GIB, MACHINE.state: GIB // 2}),
        """1 problem, nothing was changed:
this machine: disk of /home/ada/.local/state/de-airflow-pipeline
    found:    0.5 GiB free
    expected: at least 20 GiB free
    fix:      free some space, or set XDG_STATE_HOME to a folder on a larger disk""",
    ),
    "disk nearly full for the cache": (
        replace(GOOD, disk_free={MACHINE.cache: 3 * GIB, MACHINE.state: 50 * GIB}, must_build=False),
        """1 problem, nothing was changed:
this machine: disk of /home/ada/.cache/de-airflow-pipeline
    found:    3.0 GiB free
    expected: at least 6 GiB free
    fix:      free some space, or set XDG_CACHE_HOME to a folder on a larger disk""",
    ),
    "no apt-get": (
        replace(GOOD, apt=False),
        """1 problem, nothing was changed:
this machine: packages
    found:    no apt-get, and missing: runc
    expected: Debian 12 or newer, or the packages installed
    fix:      install them by hand""",
    ),
    "another system": (
        replace(GOOD, system="Darwin"),
        f"""1 problem, nothing was changed:
this machine: system
    found:    Darwin
    expected: Linux
    fix:      use a Linux machine, {ELSEWHERE}""",
    ),
    "network taken": (
        replace(GOOD, routes=("10.0.0.0/8",)),
        f"""2 problems, nothing was changed:
this machine: network 10.244.0.0/24
    found:    a route to 10.0.0.0/8
    expected: unused, for the cluster
    fix:      take the route away, {ELSEWHERE}
this machine: network 10.96.0.0/16
    found:    a route to 10.0.0.0/8
    expected: unused, for the cluster
    fix:      take the route away, {ELSEWHERE}""",
    ),
    "another Kubernetes": (
        replace(GOOD, foreign_proxy=True),
        f"""1 problem, nothing was changed:
this machine: nftables
    found:    a table `kube-proxy` that is not ours
    expected: no other kube-proxy
    fix:      stop the other Kubernetes on this machine, {ELSEWHERE}""",
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_messages(name: str) -> None:
    facts, message = GOLDEN[name]
    with pytest.raises(InputError) as refused:
        require(MACHINE, facts)
    assert str(refused.value) == message


def test_a_good_machine_passes() -> None:
    require(MACHINE, GOOD)
    require(MACHINE, replace(GOOD, go=(1, 26), missing_packages=(), apt=False))


def test_everything_wrong_is_told_at_once() -> None:
    facts = replace(GOOD, user=1000, go=(1, 9), disk_free={MACHINE.state: 0}, listeners={("::", 5001): "nginx"})
    with pytest.raises(InputError) as refused:
        require(MACHINE, facts)
    assert [problem.key for problem in refused.value.problems] == [
        "Go",
        f"disk of {MACHINE.state}",
        "port 5001",
        "user",
    ]


def test_our_own_listeners_are_no_obstacle() -> None:
    facts = replace(GOOD, listeners={("127.0.0.1", 2380): "etcd (process 3)", ("10.244.0.1", 53): "coredns"})
    require(MACHINE, facts, ["etcd", "coredns"])
    with pytest.raises(InputError):
        require(MACHINE, facts, ["etcd"])


def test_a_port_on_an_address_that_we_do_not_use_is_no_obstacle() -> None:
    require(MACHINE, replace(GOOD, listeners={("192.0.2.2", 5000): "nginx"}))


def test_an_offset_moves_every_port_but_that_of_names() -> None:
    moved = Machine.here({"HOME": "/home/ada", PORT_OFFSET: "1000"})
    require(moved, replace(GOOD, listeners={("127.0.0.1", 5000): "nginx", ("127.0.0.1", 2379): "etcd"}))
    with pytest.raises(InputError, match="port 6000"):
        require(moved, replace(GOOD, listeners={("127.0.0.1", 6000): "x11"}))


@pytest.mark.parametrize("variable", ["XDG_STATE_HOME", "XDG_CACHE_HOME"])
@pytest.mark.parametrize("folder", ["/mnt/my disk", "/mnt/it's", '/mnt/"'])
def test_a_folder_that_a_configuration_cannot_name_is_refused(variable: str, folder: str) -> None:
    odd = Machine.here({"HOME": "/home/ada", variable: folder})
    with pytest.raises(InputError, match=f"set {variable} to such a path"):
        require(odd, replace(GOOD, disk_free={}))


def test_the_variable_of_a_full_disk_is_that_of_its_folder() -> None:
    machine = Machine.here({"HOME": "/home/ada", "XDG_CACHE_HOME": "/big"})
    with pytest.raises(InputError, match="set XDG_CACHE_HOME to a folder on a larger disk"):
        require(machine, replace(GOOD, disk_free={machine.cache: 0}))


def test_a_state_folder_too_deep_for_sockets_is_refused() -> None:
    deep = Machine.here({"HOME": "/home/ada", "XDG_STATE_HOME": "/" + "d" * 80})
    with pytest.raises(InputError, match="set XDG_STATE_HOME to a shorter path"):
        require(deep, replace(GOOD, disk_free={}))


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_listener_is_found_with_its_process(family: socket.AddressFamily, address: str) -> None:
    with socket.socket(family) as listener:
        try:
            listener.bind((address, 0))
        except OSError:
            pytest.skip(f"this machine has no {address}")
        listener.listen()
        port = listener.getsockname()[1]
        assert f"process {os.getpid()}" in preflight.listeners()[(address, port)]
    assert (address, port) not in preflight.listeners()


def test_routes_that_the_platform_makes_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = [{"dst": "default"}, {"type": "unreachable", "dst": POD_NETWORK}, {"dst": "10.244.0.7", "dev": "veth1"}]
    others = [{"dst": "10.244.0.0/16", "dev": "tun0"}, {"dst": "192.0.2.0/24", "dev": "eth0"}]
    said = CompletedProcess([], 0, stdout=json.dumps([*ours, *others]))
    monkeypatch.setattr("local.preflight.subprocess.run", lambda *_, **__: said)
    assert preflight.routes() == ("10.244.0.0/16", "192.0.2.0/24")


def test_go_is_asked_without_a_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "go").write_text("#!/bin/sh\necho go version go1.19.8 linux/amd64 $XDG_CONFIG_HOME\n")
    (tmp_path / "go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert preflight.go_version() == (1, 19, 8)
    monkeypatch.setenv("PATH", "/nowhere")
    assert preflight.go_version() is None


def test_free_space_is_told_for_a_folder_yet_to_be_made(tmp_path: Path) -> None:
    # Others write to the same disk meanwhile.
    assert preflight.free_bytes(tmp_path / "a" / "b") == pytest.approx(preflight.free_bytes(tmp_path), rel=0.05)
