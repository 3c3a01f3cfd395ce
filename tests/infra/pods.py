"""What must hold for every pod, whoever made its manifest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from tests.infra.recording import Recording, containers

WORKLOADS = (":Job", ":StatefulSet", ":Deployment")


def pods(recording: Recording) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and spec of every pod that a run registers itself, and of the worker pod in the chart's values."""
    for kind in WORKLOADS:
        for entry in recording.of(kind):
            yield f"{kind[1:]} {entry.name}", entry.inputs["spec"]["template"]["spec"]
    for release in recording.of(":Release"):
        yield "worker pod", worker_pod(release.inputs["values"])["spec"]


def worker_pod(values: dict[str, Any]) -> dict[str, Any]:
    """The pod template in the chart's values."""
    return dict(yaml.safe_load(values["podTemplate"]))


def violations(pod: dict[str, Any]) -> list[str]:
    """Where a pod falls short of the restricted standard, of requests and limits, or of a pinned image."""
    found = []
    context = pod.get("securityContext", {})
    for key, wanted in (("runAsNonRoot", True), ("seccompProfile", {"type": "RuntimeDefault"})):
        if context.get(key) != wanted:
            found.append(f"pod: {key} is {context.get(key)!r}")
    if not context.get("runAsUser"):
        found.append("pod: no numeric user other than root")
    if any(volume.keys() & {"hostPath"} for volume in pod.get("volumes", ())):
        found.append("pod: host path")
    found += [f"pod: {key}" for key in ("hostNetwork", "hostPID", "hostIPC") if pod.get(key)]
    for container in containers(pod):
        found += [f"{container['name']}: {problem}" for problem in _container(container)]
    return found


def _container(container: dict[str, Any]) -> Iterator[str]:
    context = container.get("securityContext", {})
    if context.get("allowPrivilegeEscalation") is not False:
        yield "privilege escalation"
    if context.get("capabilities") != {"drop": ["ALL"]}:
        yield "capabilities"
    if context.get("privileged"):
        yield "privileged"
    for kind in ("requests", "limits"):
        if set(container.get("resources", {}).get(kind, {})) != {"cpu", "memory"}:
            yield f"no {kind} of cpu and memory"
    if container.get("imagePullPolicy") != "IfNotPresent":
        yield "pull policy"
    if ":" not in container["image"].rpartition("/")[2] or container["image"].endswith(":latest"):
        yield f"image {container['image']} is not pinned"


def cpu(amount: str) -> float:
    """Cores of a Kubernetes CPU quantity."""
    return float(amount[:-1]) / 1000 if amount.endswith("m") else float(amount)
