"""The pods that a recorded run makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from plan.pods import violations, worker_pod
from tests.infra.recording import Recording

__all__ = ["WORKLOADS", "cpu", "pods", "violations", "worker_pod"]

WORKLOADS = (":Job", ":StatefulSet", ":Deployment")


def pods(recording: Recording) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and spec of every pod that a run registers itself, and of the worker pod in the chart's values."""
    for kind in WORKLOADS:
        for entry in recording.of(kind):
            yield f"{kind[1:]} {entry.name}", entry.inputs["spec"]["template"]["spec"]
    for release in recording.of(":Release"):
        yield "worker pod", worker_pod(release.inputs["values"])["spec"]


def cpu(amount: str) -> float:
    """Cores of a Kubernetes CPU quantity."""
    return float(amount[:-1]) / 1000 if amount.endswith("m") else float(amount)
