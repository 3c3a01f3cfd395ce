"""Every pod that runs, long or for one task, keeps to the restricted standard, with requests and limits.

The rules: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from lightkube import ApiError
from lightkube.resources.core_v1 import Namespace, Pod

from local.waiting import wait
from tests.conftest import Deployed
from tests.platform.observed import Api, api_of, await_served

pytestmark = pytest.mark.platform

DAGS = ("cost_of_living", "lakehouse_summary")
RUN_SECONDS = 240
MODES = ("enforce", "audit", "warn")
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


@pytest.fixture(scope="module")
def pods(deployed: Deployed) -> list[Any]:
    """Every pod that is there before, during and after a run of each DAG."""
    seen: dict[str, Any] = {}
    stopped = threading.Event()

    def follow(namespace: str) -> None:
        while not stopped.is_set():
            with contextlib.suppress(ApiError, httpx2.HTTPError):
                for _, pod in deployed.client.watch(Pod, namespace=namespace, server_timeout=10):
                    seen[pod.metadata.uid] = pod  # type: ignore[union-attr, index]

    for namespace in (deployed.settings.name, deployed.settings.tasks_namespace):
        threading.Thread(target=follow, args=(namespace,), daemon=True).start()
    try:
        run_all(deployed)
    finally:
        stopped.set()
    return list(seen.values())


def run_all(deployed: Deployed) -> None:
    api, run = api_of(deployed), f"restricted-{secrets.token_hex(4)}"
    for dag in DAGS:
        await_served(deployed, dag)
        api.unpause(dag)
        api.trigger(dag, run)
    for dag in DAGS:
        wait(f"run {run} of {dag}", lambda dag=dag: _not_ended(api, dag, run), RUN_SECONDS)  # type: ignore[misc]


def test_both_kinds_of_task_pods_and_all_components_were_seen(deployed: Deployed, pods: list[Any]) -> None:
    names = {(pod.metadata.namespace, (pod.metadata.labels or {}).get("task_id")) for pod in pods}
    core, tasks = deployed.settings.name, deployed.settings.tasks_namespace
    assert {(tasks, "extract"), (tasks, "adjust"), (tasks, "report"), (core, "summarise"), (core, None)} <= names
    components = {(pod.metadata.labels or {}).get("component") for pod in pods}
    assert {"api-server", "scheduler", "dag-processor", "triggerer"} <= components


def test_every_pod_is_restricted(pods: list[Any]) -> None:
    assert sorted({broken for pod in pods for broken in broken_rules(pod)}) == []


def test_every_container_has_requests_and_limits(pods: list[Any]) -> None:
    assert sorted({lack for pod in pods for lack in lacking_amounts(pod)}) == []


def test_both_namespaces_refuse_what_is_not_restricted(deployed: Deployed) -> None:
    for name in (deployed.settings.name, deployed.settings.tasks_namespace):
        labels = (deployed.client.get(Namespace, name).metadata or 0).labels or {}  # type: ignore[union-attr]
        assert {labels.get(f"pod-security.kubernetes.io/{mode}") for mode in MODES} == {"restricted"}


def broken_rules(pod: Any) -> Iterator[str]:
    spec, name = pod.spec, pod.metadata.name
    if spec.hostNetwork or spec.hostPID or spec.hostIPC:
        yield f"{name}: a namespace of the host"
    for volume in spec.volumes or ():
        kinds = set(volume.to_dict()) - {"name"}
        if not kinds <= VOLUMES:
            yield f"{name}: volume {volume.name} is {kinds}"
    for container in containers(pod):
        for rule in broken_by(spec.securityContext, container):
            yield f"{name}/{container.name}: {rule}"


def broken_by(of_pod: Any, container: Any) -> Iterator[str]:
    own = container.securityContext

    def setting(name: str) -> Any:
        value = own and getattr(own, name, None)
        return getattr(of_pod, name, None) if value is None else value

    if not own or own.allowPrivilegeEscalation is not False:
        yield "privilege escalation"
    if own and own.privileged:
        yield "privileged"
    capabilities = own and own.capabilities
    if not capabilities or capabilities.drop != ["ALL"] or set(capabilities.add or ()) - {"NET_BIND_SERVICE"}:
        yield "capabilities"
    if setting("runAsNonRoot") is not True or setting("runAsUser") == 0:
        yield "may run as root"
    profile = setting("seccompProfile")
    if not profile or profile.type not in ("RuntimeDefault", "Localhost"):
        yield "seccomp profile"
    if any(port.hostPort for port in container.ports or ()):
        yield "port of the host"


def lacking_amounts(pod: Any) -> Iterator[str]:
    for container in containers(pod):
        for kind in ("requests", "limits"):
            amounts = (container.resources and getattr(container.resources, kind)) or {}
            for resource in {"cpu", "memory"} - amounts.keys():
                yield f"{pod.metadata.name}/{container.name}: no {kind} of {resource}"


def containers(pod: Any) -> list[Any]:
    return [*(pod.spec.initContainers or ()), *pod.spec.containers]


def _not_ended(api: Api, dag: str, run: str) -> str | None:
    state = api.run_state(dag, run)
    assert state != "failed", api.tasks(dag, run)
    return None if state == "success" else f"{state}: {api.tasks(dag, run)}"
