"""Waiting for Jobs and Deployments of a cluster, with the reason from their pods when they do not come.

Live objects are lightkube's, typed ``Any``: every field of its models is optional, also those that always are there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from lightkube import ApiError, Client
from lightkube.resources.apps_v1 import DaemonSet, Deployment, StatefulSet
from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import Event, Pod

from local.waiting import GaveUp, wait

ROLLED_OUT = (Deployment, StatefulSet, DaemonSet)
LOG_LINES = 15
EVENTS = 4
PAUSE_SECONDS = 0.3
# A container that cannot run as it is described waits for ever; these are worth no further second.
HOPELESS = frozenset({"InvalidImageName", "CreateContainerConfigError", "ErrImageNeverPull"})
# One that ends again and again may still be waiting for another; not for ever.
CRASHES = 5
UNREMARKABLE = frozenset({None, "Completed", "PodInitializing"})

Say = Callable[[str], None]
Selector = dict[str, Any]


def wait_for_job(client: Client, name: str, namespace: str, seconds: float, say: Say) -> None:
    """Return when the Job has completed; raise GaveUp with its pods' events and last log lines when it failed."""
    what, selector = f"Job {namespace}/{name}", {"batch.kubernetes.io/job-name": name}

    def missing() -> str | None:
        live: Any = client.get(Job, name, namespace=namespace)
        conditions = {each.type: each for each in (live.status and live.status.conditions) or ()}
        if (complete := conditions.get("Complete")) and complete.status == "True":
            return None
        if (failed := conditions.get("Failed")) and failed.status == "True":
            why = failed.message or failed.reason
            raise GaveUp(f"{what} failed: {why}\n{reasons(client, namespace, selector)}")
        return state(client, namespace, selector)

    _wait(client, what, missing, seconds, say, namespace, selector)


def wait_for_rollout(client: Client, kind: Any, name: str, namespace: str, seconds: float, say: Say) -> None:
    """Return when every replica of a Deployment, StatefulSet or DaemonSet is of its newest form and ready."""
    selector: Selector = {}

    def missing() -> str | None:
        live = client.get(kind, name, namespace=namespace)
        selector.update(live.spec.selector.matchLabels or {})
        lack = rollout(live)
        return lack and f"{lack}: {state(client, namespace, selector)}"

    _wait(client, f"{kind.__name__} {namespace}/{name}", missing, seconds, say, namespace, selector)


def rollout(live: Any) -> str | None:
    """What a Deployment, StatefulSet or DaemonSet lacks until it is wholly rolled out, or None."""
    status = live.status
    if status is None or (status.observedGeneration or 0) < live.metadata.generation:
        return "not yet seen by its controller"
    if isinstance(live, DaemonSet):
        wanted, updated, ready = status.desiredNumberScheduled, status.updatedNumberScheduled, status.numberReady
    else:
        wanted, updated, ready = live.spec.replicas, status.updatedReplicas, status.readyReplicas
    wanted = 1 if wanted is None else wanted
    if (updated or 0) < wanted:
        return f"{updated or 0} of {wanted} replicas are of the newest form"
    if (ready or 0) < wanted:
        return f"{ready or 0} of {wanted} replicas are ready"
    if isinstance(live, Deployment) and (status.replicas or 0) > wanted:
        return f"{status.replicas - wanted} old replicas still run"
    return None


def state(client: Client, namespace: str, selector: Selector) -> str:
    """One line on the pods behind a selector: ``no pod yet``, or each pod with what it is at."""
    return ", ".join(f"{pod.metadata.name} {phase(pod)}" for pod in pods(client, namespace, selector)) or "no pod yet"


def phase(pod: Any) -> str:
    """The reason that a container waits or has ended for, else the pod's phase."""
    for container in containers(pod):
        held = container.state and (container.state.waiting or container.state.terminated)
        if held and held.reason not in UNREMARKABLE:
            return f"{held.reason} ({container.name})"
    return str(pod.status.phase) if pod.status else "Unknown"


def reasons(client: Client, namespace: str, selector: Selector) -> str:
    """Why the pods behind a selector are not fine: their state, warning events and last log lines."""
    lines: list[str] = []
    for pod in pods(client, namespace, selector):
        name = pod.metadata.name
        lines.append(f"pod {namespace}/{name}: {phase(pod)}")
        lines += [f"  event: {text}" for text in warnings(client, namespace, name)]
        for container in containers(pod):
            if not container.ready or container.restartCount:
                lines += [f"  {container.name} says: {line}" for line in _log(client, namespace, name, container.name)]
    return "\n".join(lines or ["there is no pod", *warnings(client, namespace, None)])


def warnings(client: Client, namespace: str, pod: str | None) -> list[str]:
    """The last warning events of a pod, or of the whole namespace when no pod is named; newest last."""
    fields: dict[str, Any] = {"type": "Warning"} | ({"involvedObject.name": pod} if pod else {})
    found: list[Any] = list(client.list(Event, namespace=namespace, fields=fields))
    found.sort(key=lambda event: str(event.lastTimestamp or event.eventTime or event.metadata.creationTimestamp))
    return [f"{event.reason}: {event.message}" for event in found[-EVENTS:]]


def pods(client: Client, namespace: str, selector: Selector) -> list[Any]:
    """The pods behind a selector."""
    return list(client.list(Pod, namespace=namespace, labels=selector))


def containers(pod: Any) -> list[Any]:
    """The states of a pod's containers, those that initialise it first."""
    if not pod.status:
        return []
    return [*(pod.status.initContainerStatuses or ()), *(pod.status.containerStatuses or ())]


def _wait(
    client: Client,
    what: str,
    missing: Callable[[], str | None],
    seconds: float,
    say: Say,
    namespace: str,
    selector: Selector,
) -> None:
    def told_missing() -> str | None:
        found = missing()
        if found is not None:
            say(f"waiting for {what}: {found}")
            if hopeless := _hopeless(client, namespace, selector):
                raise GaveUp(f"{what} cannot start: {hopeless}\n{reasons(client, namespace, selector)}")
            time.sleep(PAUSE_SECONDS)
        return found

    wait(what, told_missing, seconds, lambda: reasons(client, namespace, selector))


def _hopeless(client: Client, namespace: str, selector: Selector) -> str | None:
    for pod in pods(client, namespace, selector):
        for container in containers(pod):
            waiting = container.state and container.state.waiting
            if waiting and waiting.reason in HOPELESS:
                return f"{waiting.reason}: {waiting.message}"
            if waiting and waiting.reason == "CrashLoopBackOff" and container.restartCount >= CRASHES:
                return f"container {container.name} has ended {container.restartCount} times"
    return None


def _log(client: Client, namespace: str, pod: str, container: str) -> list[str]:
    try:
        lines = client.log(pod, namespace=namespace, container=container, tail_lines=LOG_LINES, newlines=False)
        return [line for line in lines if line.strip()]
    except ApiError:
        return []  # the container has not started: the events say why
