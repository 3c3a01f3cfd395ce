"""Reads a stack's two namespaces: pods that are not well, Secrets with log-ins, the published images."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from lightkube import ApiError, Client
from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import ConfigMap, Event, Namespace, Secret
from lightkube.resources.core_v1 import Pod as LivePod

from airflow_runtime.tree import read_archive
from diagnosis.records import Answer, Evidence, Fault, Pod, PullSecret
from pipelines.dag_tree import CATALOG

LOG_LINES = 20
#: What every container passes through; none is a reason for worry.
PASSING = frozenset({"ContainerCreating", "PodInitializing"})
MISSING = 404
PUBLICATION = "publication"
TREE = "tree.tar.gz"
AskLogIn = Callable[[str, Mapping[str, str]], Answer]


def missing_namespaces(client: Client, namespaces: Iterable[str]) -> Iterator[Fault]:
    for name in namespaces:
        if _or_none(lambda name=name: client.get(Namespace, name)) is None:  # type: ignore[misc]
            yield Fault("absent", f"namespace {name}", "there is no such namespace")


def troubled_pods(client: Client, namespace: str, since: datetime) -> tuple[Pod, ...]:
    """Pods that are not well, and pods, Jobs and the like that only events after ``since`` tell of."""
    live: list[Any] = list(client.list(LivePod, namespace=namespace))
    events = _events(client, namespace, since)
    jobs: list[Any] = list(client.list(Job, namespace=namespace))
    done = {
        job.metadata.name
        for job in jobs
        if any(one.type == "Complete" and one.status == "True" for one in (job.status and job.status.conditions) or ())
    }
    found = [
        _pod(client, pod, events.get(("Pod", pod.metadata.name), ()))
        for pod in live
        if not well(pod, since) and (pod.metadata.labels or {}).get("batch.kubernetes.io/job-name") not in done
    ]
    there = {pod.metadata.name for pod in live}
    for (kind, name), lines in events.items():
        if not (kind == "Pod" and name in there) and not (kind == "Job" and name in done):
            found.append(Pod(namespace, name, tuple(Evidence("event", line) for line in lines), gone=True))
    return tuple(found)


def well(pod: Any, since: datetime) -> bool:
    """Whether it runs and is ready, has succeeded, is about to go, or failed longer ago than ``since``."""
    if pod.metadata.deletionTimestamp or not pod.status:
        return True
    if pod.status.phase == "Failed":
        ends = [one.state.terminated.finishedAt for one in _statuses(pod) if one.state and one.state.terminated]
        return bool(ends) and all(end is not None and end < since for end in ends)
    if pod.status.phase == "Running":
        return all(one.ready for one in pod.status.containerStatuses or ())
    return bool(pod.status.phase == "Succeeded")


def pull_secret(client: Client, namespace: str, name: str, ask: AskLogIn) -> PullSecret:
    """``ask`` tells what a server says to a log-in: server, and its entry in Docker's configuration."""
    live: Any = _or_none(lambda: client.get(Secret, name, namespace=namespace))
    if live is None:
        return PullSecret(namespace, name, present=False)
    try:
        document = json.loads(base64.b64decode((live.data or {}).get(".dockerconfigjson", "")))
        return PullSecret(
            namespace, name, True, {server: ask(server, entry) for server, entry in document["auths"].items()}
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return PullSecret(namespace, name, present=True)


def published_references(client: Client, namespace: str) -> dict[str, str]:
    """Image type -> reference, with its digest, of the newest publication; empty where there is none."""
    listed: list[Any] = list(client.list(ConfigMap, namespace=namespace))
    live = [one for one in listed if one.metadata.name.startswith(PUBLICATION) and TREE in (one.binaryData or {})]
    if not live:
        return {}
    newest = max(live, key=lambda one: one.metadata.creationTimestamp)
    files = read_archive(base64.b64decode(newest.binaryData[TREE]))
    images: dict[str, dict[str, str]] = json.loads(files[f"tree/{CATALOG}"].content)["images"]
    return {
        name: f"{entry['reference']}@{entry['digest']}" if entry.get("digest") else entry["reference"]
        for name, entry in images.items()
    }


def pull_secrets_of(pods: Iterable[Pod]) -> set[tuple[str, str]]:
    """Namespace and name of every Secret that these pods pull with."""
    return {(pod.namespace, name) for pod in pods for name in pod.pull_secrets}


def _pod(client: Client, pod: Any, events: Iterable[str]) -> Pod:
    evidence = [*_container_evidence(client, pod)]
    if pod.status.reason:
        evidence.append(Evidence("pod", f"{pod.status.reason}: {pod.status.message or ''}"))
    evidence += [
        Evidence("pod", f"{one.reason}: {one.message}")
        for one in pod.status.conditions or ()
        if one.type == "PodScheduled" and one.status == "False"
    ]
    evidence += [Evidence("event", line) for line in events]
    containers = [*(pod.spec.initContainers or ()), *pod.spec.containers]
    limits = {one.name: (one.resources and one.resources.limits) or {} for one in containers}
    return Pod(
        namespace=pod.metadata.namespace,
        name=pod.metadata.name,
        evidence=tuple(evidence),
        images={one.name: one.image for one in containers},
        memory_limits={name: str(limit["memory"]) for name, limit in limits.items() if "memory" in limit},
        pull_secrets=tuple(one.name for one in pod.spec.imagePullSecrets or ()),
    )


def _container_evidence(client: Client, pod: Any) -> Iterator[Evidence]:
    for status in _statuses(pod):
        waiting = status.state and status.state.waiting
        # One that is started again says in its last state why it ended.
        ended = (status.state and status.state.terminated) or (status.lastState and status.lastState.terminated)
        if waiting and waiting.reason not in PASSING:
            yield Evidence("waiting", f"{waiting.reason}: {waiting.message or ''}", status.name)
        if ended and (ended.exitCode or ended.reason == "OOMKilled"):
            told = f": {ended.message}" if ended.message else ""
            text = f"{ended.reason or 'Error'}{told}: exit code {ended.exitCode}"
            yield Evidence("ended", text, status.name)
            for line in _log(client, pod, status.name):
                yield Evidence("log", line, status.name)


def _log(client: Client, pod: Any, container: str) -> list[str]:
    name, namespace = pod.metadata.name, pod.metadata.namespace
    try:
        lines = client.log(name, namespace=namespace, container=container, tail_lines=LOG_LINES, newlines=False)
        return [line.strip() for line in lines if line.strip()]
    except ApiError:
        return []  # it never started, or its node has thrown the log away: the events say why


def _statuses(pod: Any) -> list[Any]:
    return [*(pod.status.initContainerStatuses or ()), *(pod.status.containerStatuses or ())]


def _events(client: Client, namespace: str, since: datetime) -> dict[tuple[str, str], list[str]]:
    """Warnings after ``since`` by the kind and name of what they are about, oldest first."""
    warnings: list[Any] = list(client.list(Event, namespace=namespace, fields={"type": "Warning"}))
    warnings = [event for event in warnings if _time(event) >= since]
    found: dict[tuple[str, str], list[str]] = {}
    for event in sorted(warnings, key=_time):
        about = event.involvedObject
        found.setdefault((about.kind, about.name), []).append(f"{event.reason}: {event.message}")
    return found


def _time(event: Any) -> datetime:
    told = event.lastTimestamp or event.eventTime or event.metadata.creationTimestamp
    return told if isinstance(told, datetime) else datetime.fromisoformat(str(told).replace("Z", "+00:00"))


def minutes_ago(minutes: int) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)


def _or_none(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except ApiError as error:
        if error.status.code == MISSING:
            return None
        raise
