"""Whether this machine can carry the platform, asked before anything on it is changed."""

from __future__ import annotations

import ipaddress
import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local import network, packages, toolchain
from local.machine import NETWORKS, POD_NETWORK, PORT_OFFSET, PORTS, Machine
from pipelines.errors import InputError, Problem

WHERE = "this machine"
GO_MINIMUM = (1, 25)
GIB = 1024**3
#: Free space that compiling the toolchain takes (Go caches, binaries), and that a run takes (images, volumes).
DISK_TO_BUILD = 20 * GIB
DISK_TO_RUN = 6 * GIB
#: Longest path of a unix socket that Linux takes, and the longest that we put below the state folder.
SOCKET_LIMIT = 107
SOCKET_BELOW = "/kubelet/pod-resources/kubelet.sock"
PLAIN_PATH = re.compile(r"[\w.+@/-]+")
ELSEWHERE = "or use a cluster and a registry that you have (kind and k3d do on a laptop): see README.md"
#: Listeners on the node's address; all others are on 127.0.0.1.
ON_NODE = ("kube-apiserver", "kubelet")
#: A listener of another user, for whoever is not root.
UNKNOWN = "another process"
ANY = frozenset({"0.0.0.0", "::"})  # noqa: S104 - what others listen on


@dataclass(frozen=True)
class Facts:
    """What is so on the machine; tests make them up.

    ``listeners``: (address, port) -> the process that listens there. ``routes``: networks with a route of their own.
    """

    system: str
    user: int
    go: tuple[int, ...] | None
    disk_free: Mapping[Path, int]
    listeners: Mapping[tuple[str, int], str]
    routes: tuple[str, ...]
    missing_packages: tuple[str, ...]
    apt: bool
    foreign_proxy: bool
    must_build: bool

    @classmethod
    def of(cls, machine: Machine) -> Facts:
        return cls(
            system=platform.system(),
            user=os.geteuid(),
            go=go_version(),
            disk_free={path: free_bytes(path) for path in (machine.cache, machine.state)},
            listeners=listeners(),
            routes=routes(),
            missing_packages=packages.missing(),
            apt=shutil.which("apt-get") is not None,
            foreign_proxy=foreign_proxy(machine),
            must_build=bool(toolchain.missing(machine.cache)),
        )


def require(machine: Machine, facts: Facts, running: Iterable[str] = ()) -> None:
    """Raise InputError with all that stands in the way; ``running`` names our own daemons that already listen."""
    problems = [
        *_basics(machine, facts),
        *_disk(machine, facts),
        *_ports(machine, facts, frozenset(running)),
        *_networks(facts),
    ]
    if problems:
        raise InputError(problems)


def _basics(machine: Machine, facts: Facts) -> Iterable[Problem]:
    if facts.system != "Linux":
        yield Problem(WHERE, "system", facts.system, "Linux", f"use a Linux machine, {ELSEWHERE}")
    if facts.user != 0:
        fix = f"run the command as root (`sudo -E make up`), {ELSEWHERE}"
        yield Problem(WHERE, "user", f"user id {facts.user}", "root (user id 0)", fix)
    wanted = ".".join(map(str, GO_MINIMUM))
    if facts.go is None or facts.go < GO_MINIMUM:
        found = "no `go` on PATH" if facts.go is None else f"Go {'.'.join(map(str, facts.go))}"
        fix = "install it from https://go.dev/dl/ and put it on PATH"
        yield Problem(WHERE, "Go", found, f"Go {wanted} or newer", fix)
    if facts.missing_packages and not facts.apt:
        found = f"no apt-get, and missing: {', '.join(facts.missing_packages)}"
        yield Problem(WHERE, "packages", found, "Debian 12 or newer, or the packages installed", "install them by hand")
    for what, path, variable in (
        ("state folder", machine.state, "XDG_STATE_HOME"),
        ("cache folder", machine.cache, "XDG_CACHE_HOME"),
    ):
        if not PLAIN_PATH.fullmatch(str(path)):
            expected = "letters, digits and . _ - + @ / only: some daemon's configuration takes no other"
            yield Problem(WHERE, what, str(path), expected, f"set {variable} to such a path")
    length = len(str(machine.state)) + len(SOCKET_BELOW)
    if length > SOCKET_LIMIT:
        limit = SOCKET_LIMIT - len(SOCKET_BELOW)
        found = f"{machine.state} ({len(str(machine.state))} characters)"
        expected = f"at most {limit} characters, for the unix sockets in it"
        yield Problem(WHERE, "state folder", found, expected, "set XDG_STATE_HOME to a shorter path")


def _disk(machine: Machine, facts: Facts) -> Iterable[Problem]:
    needed = DISK_TO_BUILD if facts.must_build else DISK_TO_RUN
    for path, free in facts.disk_free.items():
        if free < needed:
            expected = f"at least {needed / GIB:.0f} GiB free"
            variable = "XDG_CACHE_HOME" if path == machine.cache else "XDG_STATE_HOME"
            fix = f"free some space, or set {variable} to a folder on a larger disk"
            yield Problem(WHERE, f"disk of {path}", f"{free / GIB:.1f} GiB free", expected, fix)


def _ports(machine: Machine, facts: Facts, running: frozenset[str]) -> Iterable[Problem]:
    wanted = [(name, "127.0.0.1", machine.port(name)) for name in PORTS if name not in ON_NODE]
    wanted += [(name, network.NODE_ADDRESS, machine.port(name)) for name in ON_NODE]
    wanted.append(("coredns", network.NODE_ADDRESS, 53))
    for name, address, port in wanted:
        if name.split()[0] in running:
            continue
        for taken in (address, *ANY):
            if (process := facts.listeners.get((taken, port))) is not None:
                way_out = "" if port == 53 else f", or set {PORT_OFFSET}, for example to 1000"
                fix = f"stop {'it' if process == UNKNOWN else process}{way_out}"
                yield Problem(WHERE, f"port {port}", f"{process} listens on {taken}:{port}", f"free, for {name}", fix)
                break


def _networks(facts: Facts) -> Iterable[Problem]:
    for ours in NETWORKS:
        for route in facts.routes:
            if ipaddress.ip_network(ours).overlaps(ipaddress.ip_network(route)):
                fix = f"take the route away, {ELSEWHERE}"
                yield Problem(WHERE, f"network {ours}", f"a route to {route}", "unused, for the cluster", fix)
    if facts.foreign_proxy:
        fix = f"stop the other Kubernetes on this machine, {ELSEWHERE}"
        yield Problem(WHERE, "nftables", "a table `kube-proxy` that is not ours", "no other kube-proxy", fix)


def go_version() -> tuple[int, ...] | None:
    """As ``go version`` tells it, or None."""
    try:
        # Go else begins a folder of its own in the user's configuration: a check leaves no trace.
        environment = {**os.environ, "XDG_CONFIG_HOME": os.devnull, "GOENV": "off", "GOTOOLCHAIN": "local"}
        command = ["go", "version"]
        told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return None
    found = re.search(r"\bgo(\d+(?:\.\d+)*)", told)
    return tuple(map(int, found.group(1).split("."))) if found else None


def free_bytes(path: Path) -> int:
    """Of the file system that ``path`` is or will be on."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def listeners() -> dict[tuple[str, int], str]:
    """TCP listeners of the machine, with the process where it can be told."""
    sockets: dict[str, tuple[str, int]] = {}
    for table in ("tcp", "tcp6"):
        for line in _lines(Path("/proc/net") / table)[1:]:
            fields = line.split()
            if fields[3] == "0A":
                sockets[fields[9]] = _address(fields[1])
    owners = _owners(frozenset(sockets))
    return {address: owners.get(inode, UNKNOWN) for inode, address in sockets.items()}


def _address(field: str) -> tuple[str, int]:
    packed, port = field.split(":")
    # The kernel prints each 32-bit word in the machine's byte order.
    raw = b"".join(bytes.fromhex(packed[start : start + 8])[::-1] for start in range(0, len(packed), 8))
    address = ipaddress.ip_address(raw)
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address), int(port, 16)


def _owners(inodes: frozenset[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = str(link.readlink())
        except OSError:
            continue
        inode = target.removeprefix("socket:[").removesuffix("]")
        if inode in inodes:
            pid = link.parts[2]
            name = "".join(_lines(Path("/proc") / pid / "comm")) or "process"
            found.setdefault(inode, f"{name} (process {pid})")
    return found


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def routes() -> tuple[str, ...]:
    """Networks with a route, but the default's and our own."""
    if shutil.which("ip", path=packages.SEARCH) is None:
        return ()
    told = subprocess.run(["ip", "-json", "-4", "route", "show"], capture_output=True, text=True, check=False).stdout
    pods = ipaddress.ip_network(POD_NETWORK)
    return tuple(
        route["dst"]
        for route in json.loads(told or "[]")
        if route["dst"] != "default"
        and (route.get("type"), route["dst"]) != ("unreachable", POD_NETWORK)
        # A pod's own route has one address, and goes with the pod.
        and not ("/" not in route["dst"] and ipaddress.ip_address(route["dst"]) in pods)
    )


def foreign_proxy(machine: Machine) -> bool:
    """A kube-proxy table where this state folder did not start one."""
    if shutil.which("nft", path=packages.SEARCH) is None or os.geteuid() != 0 or network.ours(machine):
        return False
    return any(network.table_exists(*table) for table in network.PROXY_TABLES)
