"""Each verb of each service account, one test: whoever takes one away sees which task stops working."""

from __future__ import annotations

import pulumi
import pytest

from infra import roles
from infra.namespaces import Namespaces, NamespacesArguments
from infra.roles import Grant, Rule, grants
from infra.settings import Executor
from tests.infra import stacks
from tests.infra.recording import Recording, record

BOTH: tuple[Executor, ...] = ("KubernetesExecutor", "LocalExecutor")
ALONE: tuple[Executor, ...] = ("KubernetesExecutor",)

# account, namespace, resource, verb, what stops working without it
NEEDED = [
    ("airflow-scheduler", "airflow-tasks", "pods", "create", "the scheduler submits a task pod"),
    ("airflow-scheduler", "airflow-tasks", "pods", "list", "a retried task looks for the pod it left"),
    ("airflow-scheduler", "airflow-tasks", "pods", "get", "the scheduler asks for the pod's state"),
    ("airflow-scheduler", "airflow-tasks", "pods", "patch", "a finished pod is marked as seen"),
    ("airflow-scheduler", "airflow-tasks", "pods", "delete", "a finished pod is removed"),
    ("airflow-scheduler", "airflow-tasks", "pods/log", "get", "the task's log is collected"),
    ("airflow-scheduler", "airflow-tasks", "pods/exec", "get", "the XCom is read from the sidecar"),
    ("airflow-scheduler", "airflow-tasks", "pods/exec", "create", "the same, from Kubernetes 1.35 on"),
    ("airflow-scheduler", "airflow-tasks", "events", "list", "a failed task shows the pod's events"),
    ("airflow-triggerer", "airflow-tasks", "pods", "get", "the triggerer follows the pod"),
    ("airflow-triggerer", "airflow-tasks", "pods", "delete", "a cancelled task ends its pod"),
    ("airflow-triggerer", "airflow-tasks", "pods/log", "get", "the triggerer forwards the log"),
    ("airflow-triggerer", "airflow-tasks", "events", "list", "the triggerer reads the pod's events"),
    ("airflow-triggerer", "airflow-tasks", "events", "watch", "the triggerer follows the pod's events"),
    ("airflow-worker", "airflow-tasks", "pods", "create", "a worker submits a task pod"),
    ("airflow-worker", "airflow-tasks", "pods", "list", "a retried task looks for the pod it left"),
    ("airflow-worker", "airflow-tasks", "pods", "get", "a worker asks for the pod's state"),
    ("airflow-worker", "airflow-tasks", "pods", "patch", "a finished pod is marked as seen"),
    ("airflow-worker", "airflow-tasks", "pods", "delete", "a finished pod is removed"),
    ("airflow-worker", "airflow-tasks", "pods/log", "get", "the task's log is collected"),
    ("airflow-worker", "airflow-tasks", "pods/exec", "get", "the XCom is read from the sidecar"),
    ("airflow-worker", "airflow-tasks", "pods/exec", "create", "the same, from Kubernetes 1.35 on"),
    ("airflow-worker", "airflow-tasks", "events", "list", "a failed task shows the pod's events"),
    ("airflow-scheduler", "airflow", "pods", "create", "the executor starts a worker pod"),
    ("airflow-scheduler", "airflow", "pods", "delete", "the executor removes a finished worker pod"),
    ("airflow-scheduler", "airflow", "pods", "list", "a new scheduler adopts worker pods"),
    ("airflow-scheduler", "airflow", "pods", "patch", "the executor marks a worker pod as done"),
    ("airflow-scheduler", "airflow", "pods", "watch", "the executor sees a worker pod end"),
    ("airflow-api-server", "airflow", "pods", "list", "the UI finds the worker pod of a running task"),
    ("airflow-api-server", "airflow", "pods/log", "get", "the UI shows the log of a running task"),
]


def granted(executors: tuple[Executor, ...]) -> set[tuple[str, str, str, str]]:
    recording = _recording(executors)
    rules = {
        (entry.inputs["metadata"]["namespace"], entry.name): entry.inputs["rules"] for entry in recording.of(":Role")
    }
    found = set()
    for binding in recording.of(":RoleBinding"):
        namespace = binding.inputs["metadata"]["namespace"]
        for subject in binding.inputs["subjects"]:
            assert (subject["kind"], subject["namespace"]) == ("ServiceAccount", "airflow")
            for rule in rules[namespace, binding.inputs["roleRef"]["name"]]:
                assert rule["apiGroups"] == [""]
                found |= {
                    (subject["name"], namespace, resource, verb)
                    for resource in rule["resources"]
                    for verb in rule["verbs"]
                }
    return found


def _recording(executors: tuple[Executor, ...]) -> Recording:
    quota = stacks.stack().namespaces
    arguments = NamespacesArguments("airflow", "airflow-tasks", quota.core_quota, quota.tasks_quota, executors)
    return record(lambda: Namespaces(arguments, pulumi.ResourceOptions()))


@pytest.fixture(scope="module")
def verbs() -> set[tuple[str, str, str, str]]:
    return granted(BOTH)


@pytest.mark.parametrize(
    ("account", "namespace", "resource", "verb"),
    [row[:4] for row in NEEDED],
    ids=[f"{row[0]}: {row[4]} ({row[3]} {row[2]})" for row in NEEDED],
)
def test_what_needs_a_verb_has_it(
    verbs: set[tuple[str, str, str, str]], account: str, namespace: str, resource: str, verb: str
) -> None:
    assert (account, namespace, resource, verb) in verbs


def test_nobody_has_a_verb_that_nothing_needs(verbs: set[tuple[str, str, str, str]]) -> None:
    assert verbs - {row[:4] for row in NEEDED} == set()


def test_with_the_kubernetes_executor_alone_the_scheduler_launches_no_task_pods() -> None:
    alone = granted(ALONE)
    assert granted(BOTH) - alone == {row[:4] for row in NEEDED if row[:2] == NEEDED[0][:2]}


def test_with_the_local_executor_alone_there_are_no_workers() -> None:
    accounts = {account for entry in roles.grants(("LocalExecutor",)) for account in entry.accounts}
    assert accounts == {"airflow-scheduler", "airflow-triggerer"}


def test_no_rule_is_a_wildcard_or_reaches_beyond_a_namespace() -> None:
    recording = _recording(BOTH)
    assert not recording.of(":ClusterRole")
    assert not recording.of(":ClusterRoleBinding")
    for role in recording.of(":Role"):
        for rule in role.inputs["rules"]:
            assert "*" not in [*rule["verbs"], *rule["resources"], *rule["apiGroups"]]
            assert "resourceNames" not in rule


def test_only_a_stack_that_cleans_up_lets_a_job_delete_workers() -> None:
    def cleaners(*, cleanup: bool) -> list[Grant]:
        table = grants(("KubernetesExecutor",), cleanup=cleanup)
        return [entry for entry in table if "airflow-cleanup" in entry.accounts]

    (cleaner,) = cleaners(cleanup=True)
    assert (cleaner.place, cleaner.rules) == ("core", (Rule("pods", ("delete", "list")),))
    assert cleaners(cleanup=False) == []
