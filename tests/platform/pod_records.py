"""Every pod of a run as it was last seen, whole: most are gone when their task has ended."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable
from typing import Any

import httpx2
from lightkube import ApiError, Client
from lightkube.resources.core_v1 import Pod
from lightkube.types import on_error_retry


class PodRecords:
    """Follows the pods of one run in some namespaces, in the background, between ``with`` and its end."""

    def __init__(self, client: Client, namespaces: Iterable[str], run: str) -> None:
        self._client, self._namespaces, self._run = client, tuple(namespaces), run
        self._pods: dict[str, Any] = {}
        self._stopped = threading.Event()

    def __enter__(self) -> PodRecords:
        for namespace in self._namespaces:
            threading.Thread(target=self._follow, args=(namespace,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()

    def of(self, task: str) -> list[Any]:
        """The task's pods, the oldest first."""
        found = [pod for pod in self._pods.values() if pod.metadata.labels["task_id"] == task]
        return sorted(found, key=lambda pod: pod.metadata.creationTimestamp)

    def _follow(self, namespace: str) -> None:
        labels: Any = {"run_id": self._run}
        while not self._stopped.is_set():
            with contextlib.suppress(ApiError, httpx2.HTTPError):
                for _, pod in self._client.watch(Pod, namespace=namespace, labels=labels, on_error=on_error_retry):
                    if self._stopped.is_set():
                        return
                    self._pods[pod.metadata.name] = pod
