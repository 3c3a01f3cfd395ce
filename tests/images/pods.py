"""Pods under the restricted standard that hold an image to its contract."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lightkube import ApiError, Client
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Namespace, Pod

RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
LABEL = "pod-security.kubernetes.io/enforce"
SECONDS = 240


@dataclass(frozen=True)
class Trial:
    """A script in an image, beside the image's own server where ``server`` says with which arguments.

    ``writable`` are folders that are no part of the read-only root file system.
    """

    image: str
    script: str
    user: int
    group: int
    shell: Sequence[str] = ("sh", "-ceu")
    server: Sequence[str] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    writable: Sequence[str] = ("/tmp",)
    read_only: bool = True
    through_entry_point: bool = False

    def containers(self) -> list[dict[str, Any]]:
        start = [*self.shell, self.script]
        script = {"name": "script", "args": start} if self.through_entry_point else {"name": "script", "command": start}
        server = [] if self.server is None else [{"name": "server", "args": [*self.server]}]
        rest = {
            "image": self.image,
            "env": [{"name": name, "value": value} for name, value in self.environment.items()],
            "securityContext": {**RESTRICTED, "readOnlyRootFilesystem": self.read_only},
            "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
            "volumeMounts": [
                {"name": f"writable-{number}", "mountPath": path} for number, path in enumerate(self.writable)
            ],
        }
        return [{**container, **rest} for container in (script, *server)]

    def manifest(self, namespace: str, name: str) -> Pod:
        security = {"runAsUser": self.user, "runAsGroup": self.group, "fsGroup": self.group}
        return Pod.from_dict(
            {
                "metadata": {"name": name, "namespace": namespace},
                "spec": {
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "restartPolicy": "Never",
                    "securityContext": security,
                    "terminationGracePeriodSeconds": 2,
                    "volumes": [{"name": f"writable-{n}", "emptyDir": {}} for n in range(len(self.writable))],
                    "containers": self.containers(),
                },
            }
        )


@dataclass(frozen=True)
class Outcome:
    exit_code: int
    log: str


@contextmanager
def namespace(client: Client) -> Iterator[str]:
    """One of its own for each use: a namespace that was just deleted takes nothing new for a while."""
    made = client.create(Namespace(metadata=ObjectMeta(generateName="image-trials-", labels={LABEL: "restricted"})))
    assert made.metadata
    assert made.metadata.name
    try:
        yield made.metadata.name
    finally:
        client.delete(Namespace, made.metadata.name)


def outcome(client: Client, namespace: str, name: str) -> Outcome:
    """Wait for the script's end."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        pod = client.get(Pod, name, namespace=namespace)
        for status in (pod.status and pod.status.containerStatuses) or ():
            if status.name == "script" and status.state and status.state.terminated:
                log = "".join(client.log(name, namespace=namespace, container="script"))
                return Outcome(status.state.terminated.exitCode, log)
        time.sleep(0.3)
    raise AssertionError(f"{name} did not end within {SECONDS} s: {_why(client, namespace, name)}")


def _why(client: Client, namespace: str, name: str) -> str:
    pod = client.get(Pod, name, namespace=namespace)
    try:
        log = "\n".join(client.log(name, namespace=namespace, container="server", tail_lines=20))
    except ApiError as error:
        log = str(error)
    return f"{pod.status and pod.status.containerStatuses}\n{log}"
