"""A real control plane, registry and BuildKit with no node beneath: what an engine deploys to and previews against.

Pods are said to run, or to have ended well where a Job made them; nothing of them ever runs. All of it stands in
network, mount and process namespaces of its own, beside whatever the machine runs, and is gone with the first process
in them. Needs root on Linux, and the toolchain.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lightkube import Client
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Pod, PodStatus

from local import builder, cluster, containers, image_registry, probes, toolchain
from local.kubernetes_client import connect
from local.machine import Machine
from local.network import NODE_ADDRESS
from local.processes import Daemon, Supervisor

#: Put before a command, it gives it namespaces of its own and ends all that it started with it.
ALONE = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
SECONDS_BETWEEN = 0.2


def lacks() -> str | None:
    """What this machine has not got for it, None where all is there."""
    if os.geteuid() != 0:
        return "root"
    return ", ".join(module.name for module in toolchain.missing(Machine.here().cache)) or None


@contextmanager
def running(folder: Path) -> Iterator[Machine]:
    """The machine whose state lies below ``folder``; only behind ALONE. Raises GaveUp where a part does not come up."""
    machine = Machine.here({**os.environ, "XDG_STATE_HOME": str(folder)})
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "address", "add", f"{NODE_ADDRESS}/32", "dev", "lo"], check=True)
    supervisor = Supervisor(machine.state / "run" / "daemons", machine.state / "logs")
    for part in (image_registry, builder, cluster):
        part.prepare(machine)
    control = [daemon for daemon in cluster.daemons(machine) if daemon.name != "kube-scheduler"]
    daemons = (*image_registry.daemons(machine), _builder(machine), *control)
    try:
        for daemon in daemons:
            # One by one: a controller manager that meets no API server ends.
            supervisor.start(daemon)
            supervisor.await_ready(daemon)
        with _pods_said_to_run(connect(machine)):
            yield machine
    finally:
        for daemon in reversed(daemons):
            supervisor.stop(daemon.name)


def _builder(machine: Machine) -> Daemon:
    path, socket = machine.state / "run" / "buildkitd.toml", machine.state / "run" / "buildkitd.sock"
    return Daemon(
        "buildkitd",
        (str(machine.tool("buildkitd")), "--config", str(path)),
        lambda: probes.socket_answers(socket),
        containers.environment(),
        {path: builder.configuration(machine)},
    )


@contextmanager
def _pods_said_to_run(client: Client) -> Iterator[None]:
    end = threading.Event()

    def play() -> None:
        while not end.wait(SECONDS_BETWEEN):
            # A busy API server answers the next round, and a pod that is gone needs no status.
            with suppress(Exception):
                for pod in client.list(Pod, namespace="*"):
                    about, status = pod.metadata, pod.status
                    if about and about.name and status and status.phase == "Pending":
                        client.patch(PodStatus, about.name, _status(pod), namespace=about.namespace)

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def _status(pod: Pod) -> dict[str, Any]:
    about = pod.metadata or ObjectMeta()
    ended = any(owner.kind == "Job" for owner in about.ownerReferences or ())
    since = about.creationTimestamp.isoformat() if about.creationTimestamp else None
    state: dict[str, Any] = {"running": {"startedAt": since}}
    if ended:
        state = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": since, "finishedAt": since}}
    containers = [
        {"name": one.name, "image": one.image, "imageID": "none", "ready": not ended, "restartCount": 0, "state": state}
        for one in (pod.spec.containers if pod.spec else ())
    ]
    ready = "False" if ended else "True"
    told = {"PodScheduled": "True", "Initialized": "True", "ContainersReady": ready, "Ready": ready}
    return {
        "status": {
            "phase": "Succeeded" if ended else "Running",
            "startTime": since,
            "podIP": NODE_ADDRESS,
            "podIPs": [{"ip": NODE_ADDRESS}],
            "conditions": [
                {"type": kind, "status": value, "lastTransitionTime": since} for kind, value in told.items()
            ],
            "containerStatuses": containers,
        }
    }
