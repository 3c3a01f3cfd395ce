from __future__ import annotations

import pulumi
import pytest

from infra.namespaces import Namespaces, NamespacesArguments
from tests.infra import stacks
from tests.infra.recording import Recording, record


@pytest.fixture(params=[False, True], ids=["up", "preview"])
def recording(request: pytest.FixtureRequest) -> Recording:
    settings = stacks.stack()
    arguments = NamespacesArguments(
        core="airflow",
        tasks="airflow-tasks",
        core_quota=settings.namespaces.core_quota,
        tasks_quota=settings.namespaces.tasks_quota,
        executors=settings.airflow.executors,
    )
    return record(lambda: Namespaces(arguments, pulumi.ResourceOptions()), preview=request.param)


@pytest.mark.parametrize("name", ["airflow", "airflow-tasks"])
def test_both_namespaces_enforce_the_restricted_standard(recording: Recording, name: str) -> None:
    labels = recording.one(":Namespace", name).inputs["metadata"]["labels"]
    for mode in ("enforce", "warn", "audit"):
        assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"


@pytest.mark.parametrize("name", ["airflow", "airflow-tasks"])
def test_each_namespace_has_a_quota_and_defaults(recording: Recording, name: str) -> None:
    quota = recording.one(":ResourceQuota", f"{name}-quota").inputs
    limits = recording.one(":LimitRange", f"{name}-limits").inputs
    assert quota["metadata"]["namespace"] == limits["metadata"]["namespace"] == name
    assert set(quota["spec"]["hard"]) == {"pods", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"}
    (item,) = limits["spec"]["limits"]
    assert item["type"] == "Container"
    assert set(item["default"]) == set(item["defaultRequest"]) == {"cpu", "memory"}


def test_task_pods_get_no_token_and_both_accounts_pull_with_the_secret(recording: Recording) -> None:
    task = recording.one(":ServiceAccount", "airflow-task").inputs
    worker = recording.one(":ServiceAccount", "airflow-worker").inputs
    assert (task["metadata"]["namespace"], task["automountServiceAccountToken"]) == ("airflow-tasks", False)
    assert (worker["metadata"]["namespace"], worker["automountServiceAccountToken"]) == ("airflow", True)
    assert task["imagePullSecrets"] == worker["imagePullSecrets"] == [{"name": "registry"}]
