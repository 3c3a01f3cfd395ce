"""A machine of other conditions: played in this process, or made of namespaces for a command of its own."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from local import packages, preflight
from tests.bad_input.mistakes import Conditions

UNITS = {"m": 1 << 20, "g": 1 << 30}
#: Its listener is the parent of the command.
LISTEN = """import socket, subprocess, sys
listener = socket.create_server(("", int(sys.argv[1])))
sys.exit(subprocess.run(sys.argv[2:]).returncode)"""
#: A network and a home of its own, and afterwards a list of what the command left there.
ISOLATED = """set -e
mount -t tmpfs -o "size=$1" tmpfs /home
mkdir /home/ada
left=$2
shift 2
status=0
"$@" || status=$?
find /home/ada -mindepth 1 >"$left"
exit $status"""


def fake_go(folder: Path, version: str) -> str:
    """A PATH on which ``go`` has this version."""
    folder.mkdir(exist_ok=True)
    (folder / "go").write_text(f"#!/bin/sh\necho go version go{version} linux/amd64\n")
    (folder / "go").chmod(0o755)
    return os.pathsep.join((str(folder), os.environ["PATH"]))


def play(conditions: Conditions, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the checks of this process see these conditions."""
    amount, unit = re.fullmatch(r"(\d+)([mg])", conditions.free).groups()  # type: ignore[union-attr]
    taken = {("0.0.0.0", conditions.taken): "python (process 42)"} if conditions.taken else {}  # noqa: S104
    monkeypatch.setattr(os, "geteuid", lambda: conditions.user)
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(packages, "missing", lambda: ())
    monkeypatch.setattr(preflight, "free_bytes", lambda path: int(amount) * UNITS[unit])
    monkeypatch.setattr(preflight, "listeners", lambda: taken)
    monkeypatch.setattr(preflight, "routes", lambda: ())
    monkeypatch.setattr(preflight, "foreign_proxy", lambda machine: False)
    monkeypatch.setattr(preflight, "SOCKET_LIMIT", 4096)
    monkeypatch.setenv("PATH", fake_go(folder, conditions.go))


def isolated(conditions: Conditions, folder: Path, command: list[str]) -> tuple[list[str], Mapping[str, str]]:
    """The command under these conditions, and its environment; ``folder / "left"`` tells what it left at home."""
    if conditions.user:
        command = ["unshare", "--user", *command]
    if conditions.taken:
        command = [sys.executable, "-c", LISTEN, str(conditions.taken), *command]
    script = ["sh", "-c", ISOLATED, "sh", conditions.free, str(folder / "left"), *command]
    environment = {"HOME": "/home/ada", "PATH": fake_go(folder / "bin", conditions.go)}
    return ["unshare", "--net", "--mount", *script], environment


def with_files(files: Mapping[Path, Path], command: list[str]) -> list[str]:
    """The command where these files have another content, and nobody else sees it; real path -> path of the content."""
    mounts = [f'mount --bind "{content}" "{real}"' for real, content in files.items()]
    return ["unshare", "--mount", "sh", "-c", "\n".join(("set -e", *mounts, 'exec "$@"')), "sh", *command]


def can_isolate() -> bool:
    """Whether this user may make namespaces."""
    command = ["unshare", "--net", "--mount", "unshare", "--user", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
