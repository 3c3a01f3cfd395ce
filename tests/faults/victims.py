"""Processes to hit: the platform's daemons, and what runs in pods."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import Any

from lightkube.resources.core_v1 import Pod

from local import platform
from local.machine import Machine
from local.waiting import wait
from tests.conftest import Deployed

GONE_SECONDS = 10
READY_SECONDS = 120
ESTABLISHED = "01"
PAUSE = "pause"


def kill_daemon(machine: Machine, name: str) -> None:
    """``kill -9``, and return when it has gone."""
    watch = platform.supervisor(machine)
    running = watch.running(name)
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    wait(f"{name} to go", lambda: f"process {running.pid}" if watch.running(name) else None, GONE_SECONDS)


def pod_of(deployed: Deployed, name: str) -> Any:
    """The one pod with this name as its label."""
    labels: Any = {"app.kubernetes.io/name": name}
    (pod,) = deployed.client.list(Pod, namespace=deployed.settings.name, labels=labels)
    return pod


def process_of(pod: Any) -> int:
    """The machine's number of the process that a pod's one container began with."""
    found = [int(path.name) for path in Path("/proc").glob("[0-9]*") if _is_first(path, pod.metadata.uid)]
    assert len(found) == 1, found
    return found[0]


def await_ready(deployed: Deployed, name: str) -> None:
    def missing() -> str | None:
        pod: Any = pod_of(deployed, name)
        ready = any(one.type == "Ready" and one.status == "True" for one in pod.status.conditions or ())
        return None if ready else "not ready"

    wait(name, missing, READY_SECONDS)


def unread(process: int, sender: str = "") -> int:
    """Bytes that wait for the process on connections, of one address where it is named."""
    # IPv4 in the IPv6 table, each 32-bit word in the machine's byte order.
    ending = socket.inet_aton(sender)[::-1].hex().upper() if sender else ""
    waiting = 0
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:]:
            _, _, remote, state, queues, *_ = line.split()
            if state == ESTABLISHED and remote.partition(":")[0].endswith(ending):
                waiting += int(queues.partition(":")[2], 16)
    return waiting


def _is_first(path: Path, pod: str) -> bool:
    try:
        if pod not in (path / "cgroup").read_text() or (path / "comm").read_text().strip() == PAUSE:
            return False
        numbers = next(line for line in (path / "status").read_text().splitlines() if line.startswith("NSpid:"))
    except (OSError, StopIteration):
        return False
    return numbers.split()[2:] == ["1"]
