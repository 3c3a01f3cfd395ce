"""Every pod of a run as it was last seen, whole: most are gone when their task has ended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lightkube import Client
from lightkube.resources.core_v1 import Pod

from local.task_pods import PodFollower


class PodRecords(PodFollower):
    def __init__(self, client: Client, namespaces: Iterable[str], run: str) -> None:
        super().__init__(client, namespaces, run)
        self._pods: dict[str, Any] = {}

    def seen(self, pod: Pod) -> None:
        assert pod.metadata
        assert pod.metadata.name
        self._pods[pod.metadata.name] = pod

    def of(self, task: str) -> list[Any]:
        """The task's pods, the oldest first."""
        found = [pod for pod in self._pods.values() if pod.metadata.labels["task_id"] == task]
        return sorted(found, key=lambda pod: pod.metadata.creationTimestamp)
