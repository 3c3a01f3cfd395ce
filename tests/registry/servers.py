"""Real registries for tests: the distribution registry of the toolchain, one process each, on a free port."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bcrypt
import pytest

from local import probes
from local.machine import Machine
from local.waiting import wait
from registry.client import Credentials
from registry.contents import Contents

LOG_IN = Credentials("team", "correct-horse")


def binary() -> Path:
    """The registry's program; the test is skipped where the toolchain is not built."""
    path = Machine.here().tool("registry")
    if not path.exists():
        pytest.skip("no registry in the toolchain: make up builds it")
    return path


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """``localhost:<port>`` of a registry that keeps its data below the folder and takes LOG_IN only."""
    program, port = binary(), _free_port()
    folder.mkdir(parents=True, exist_ok=True)
    hashed = bcrypt.hashpw(LOG_IN.password.encode(), bcrypt.gensalt(rounds=4)).decode()
    (folder / "passwords").write_text(f"{LOG_IN.username}:{hashed}\n")
    configuration = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}", "secret": "shared"},
        "auth": {"htpasswd": {"realm": "test", "path": str(folder / "passwords")}},
    }
    (folder / "registry.yaml").write_text(json.dumps(configuration))
    environment = {**os.environ, "OTEL_TRACES_EXPORTER": "none"}
    process = subprocess.Popen(
        [program, "serve", str(folder / "registry.yaml")],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{port}/v2/"
        wait("the registry", lambda: probes.http_answers(address, accepted=(401,)), 60)
        yield f"localhost:{port}"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@contextmanager
def registry(server: str) -> Iterator[Contents]:
    """A client of it."""
    with Contents(server, LOG_IN) as client:
        yield client


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
