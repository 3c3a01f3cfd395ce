"""What must hold for every pod, whoever made its manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

WORKLOADS = ("Job", "StatefulSet", "Deployment", "DaemonSet")


def pod_of(manifest: Mapping[str, Any]) -> dict[str, Any] | None:
    """The spec of the pods that a workload or a cron job makes; None of anything else."""
    if manifest.get("kind") == "CronJob":
        manifest = manifest["spec"]["jobTemplate"]
    elif manifest.get("kind") not in WORKLOADS:
        return None
    return dict(manifest["spec"]["template"]["spec"])


def worker_pod(values: Mapping[str, Any]) -> dict[str, Any]:
    """The pod template in the chart's values."""
    return dict(yaml.safe_load(values["podTemplate"]))


def containers(pod: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every container of a pod's spec, init containers too."""
    yield from pod.get("initContainers") or ()
    yield from pod["containers"]


def violations(pod: Mapping[str, Any]) -> list[str]:
    """Where a pod falls short of the restricted standard, of requests and limits, or of a pinned image.

    https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    """
    return [*restricted_violations(pod), *resource_violations(pod), *image_violations(pod)]


def restricted_violations(pod: Mapping[str, Any]) -> list[str]:
    found = []
    context = pod.get("securityContext") or {}
    for key, wanted in (("runAsNonRoot", True), ("seccompProfile", {"type": "RuntimeDefault"})):
        if context.get(key) != wanted:
            found.append(f"pod: {key} is {context.get(key)!r}")
    if not context.get("runAsUser"):
        found.append("pod: no numeric user other than root")
    if any(volume.keys() & {"hostPath"} for volume in pod.get("volumes") or ()):
        found.append("pod: host path")
    found += [f"pod: {key}" for key in ("hostNetwork", "hostPID", "hostIPC") if pod.get(key)]
    for container in containers(pod):
        found += [f"{container['name']}: {problem}" for problem in _context(container.get("securityContext") or {})]
    return found


def resource_violations(pod: Mapping[str, Any]) -> list[str]:
    return [
        f"{container['name']}: no {kind} of cpu and memory"
        for container in containers(pod)
        for kind in ("requests", "limits")
        if set((container.get("resources") or {}).get(kind) or {}) != {"cpu", "memory"}
    ]


def image_violations(pod: Mapping[str, Any]) -> list[str]:
    found = []
    for container in containers(pod):
        if container.get("imagePullPolicy") != "IfNotPresent":
            found.append(f"{container['name']}: pull policy")
        if not is_pinned(container["image"]):
            found.append(f"{container['name']}: image {container['image']} is not pinned")
    return found


def is_pinned(image: str) -> bool:
    """Whether it has a digest, or a tag other than latest."""
    return "@sha256:" in image or (":" in image.rpartition("/")[2] and not image.endswith(":latest"))


def _context(context: Mapping[str, Any]) -> Iterator[str]:
    if context.get("allowPrivilegeEscalation") is not False:
        yield "privilege escalation"
    if context.get("capabilities") != {"drop": ["ALL"]}:
        yield "capabilities"
    if context.get("privileged"):
        yield "privileged"
