"""Watches the pods of DAG runs while they run: most are gone when their task has ended."""

from __future__ import annotations

import contextlib
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import httpx2
from lightkube import ApiError, Client
from lightkube.resources.core_v1 import Pod
from lightkube.types import on_error_retry

MAIN_CONTAINER = "base"
PULL_FAILURES = frozenset({"ErrImagePull", "ImagePullBackOff"})
REFUSED = re.compile(r"401|403|unauthorized|authentication required|no basic auth|authorization failed|denied", re.I)


@dataclass(frozen=True)
class TaskPod:
    """A task's pod as last seen. ``digest`` is what the node really runs, empty until it does."""

    name: str
    namespace: str
    dag: str
    task: str
    image: str
    digest: str
    pull_secrets: tuple[str, ...]
    trouble: str | None

    @classmethod
    def of(cls, pod: Any) -> TaskPod | None:
        """The record of a pod of Airflow's, or None of any other pod."""
        labels = pod.metadata.labels or {}
        if not {"dag_id", "task_id", "run_id"} <= labels.keys():
            return None
        main = next((one for one in pod.spec.containers if one.name == MAIN_CONTAINER), None)
        statuses = (pod.status and pod.status.containerStatuses) or ()
        status = next((one for one in statuses if one.name == MAIN_CONTAINER), None)
        waiting = status and status.state and status.state.waiting
        failed = waiting and waiting.reason in PULL_FAILURES
        return cls(
            name=pod.metadata.name,
            namespace=pod.metadata.namespace,
            dag=labels["dag_id"],
            task=labels["task_id"],
            image=main.image if main else "",
            digest=(status.imageID or "").rpartition("@")[2] if status else "",
            pull_secrets=tuple(secret.name for secret in pod.spec.imagePullSecrets or ()),
            trouble=f"{waiting.reason}: {waiting.message}" if waiting and failed else None,
        )

    @property
    def refused(self) -> bool:
        """Whether the registry did not accept the credentials that the pod came with."""
        return self.trouble is not None and bool(REFUSED.search(self.trouble))


class PodFollower(ABC):
    """Follows the pods of one run per DAG in several namespaces, in the background, between ``with`` and its end."""

    def __init__(self, client: Client, namespaces: Iterable[str], run_id: str) -> None:
        self._client, self._namespaces, self._run_id = client, tuple(namespaces), run_id
        self._stopped = threading.Event()

    def __enter__(self) -> Self:
        for namespace in self._namespaces:
            threading.Thread(target=self._follow, args=(namespace,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()

    @abstractmethod
    def seen(self, pod: Pod) -> None:
        """Take note of a pod as it is now."""

    def _follow(self, namespace: str) -> None:
        labels: Any = {"run_id": self._run_id}
        while not self._stopped.is_set():
            # A watch ends now and then; the next one starts with what is there.
            with contextlib.suppress(ApiError, httpx2.HTTPError):
                for _, pod in self._client.watch(Pod, namespace=namespace, labels=labels, on_error=on_error_retry):
                    if self._stopped.is_set():
                        return
                    self.seen(pod)


class PodWatch(PodFollower):
    """What a summary tells of each pod."""

    def __init__(self, client: Client, namespaces: Iterable[str], run_id: str) -> None:
        super().__init__(client, namespaces, run_id)
        self._pods: dict[str, TaskPod] = {}
        self._troubles: dict[str, TaskPod] = {}

    def seen(self, pod: Pod) -> None:
        self._note(TaskPod.of(pod))

    def of(self, dag: str, task: str) -> list[TaskPod]:
        """Every pod that the task has had, by name."""
        return [pod for _, pod in sorted(self._pods.items()) if (pod.dag, pod.task) == (dag, task)]

    def refused(self) -> TaskPod | None:
        """A pod whose image the registry would not give for its credentials."""
        return next((pod for pod in self._troubles.values() if pod.refused), None)

    def troubles(self) -> list[str]:
        """Pods whose image cannot be pulled now, one line each."""
        return [f"pod {pod.name}: {pod.trouble}" for pod in self._pods.values() if pod.trouble]

    def _note(self, pod: TaskPod | None) -> None:
        if pod is None:
            return
        before = self._pods.get(pod.name)
        if before is None or pod.digest or not before.digest:
            self._pods[pod.name] = pod
        if pod.trouble:
            self._troubles[pod.name] = pod
