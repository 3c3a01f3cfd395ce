"""Who may do what with pods. The chart makes no Role of its own: every verb stands in this table.

Verbs are those that apache-airflow-providers-cncf-kubernetes 10.17 (the one of Airflow 3.2.2) uses, no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_kubernetes as k8s

from infra import names
from infra.settings import Executor

Place = Literal["core", "tasks"]


@dataclass(frozen=True)
class Rule:
    """Verbs on one resource of the core API group."""

    resource: str
    verbs: tuple[str, ...]


@dataclass(frozen=True)
class Grant:
    """One Role in one namespace, and the service accounts of Airflow's namespace that have it."""

    name: str
    place: Place
    rules: tuple[Rule, ...]
    accounts: tuple[str, ...]


# The XCom sidecar is read by exec over a websocket: get; from Kubernetes 1.35 on the API server asks for create too.
_LAUNCH = (
    Rule("pods", ("create", "delete", "get", "list", "patch")),
    Rule("pods/log", ("get",)),
    Rule("pods/exec", ("create", "get")),
    Rule("events", ("list",)),
)
_FOLLOW = (
    Rule("pods", ("delete", "get")),
    Rule("pods/log", ("get",)),
    Rule("events", ("list", "watch")),
)
_EXECUTE = (Rule("pods", ("create", "delete", "list", "patch", "watch")),)
_CLEAN_UP = (Rule("pods", ("delete", "list")),)
_READ_LOGS = (Rule("pods", ("list",)), Rule("pods/log", ("get",)))


def grants(executors: tuple[Executor, ...], *, cleanup: bool = False) -> tuple[Grant, ...]:
    """All Roles of a stack with these executors, and perhaps the job that removes what worker pods are left."""
    table = [Grant("task-pod-follower", "tasks", _FOLLOW, (names.TRIGGERER_ACCOUNT,))]
    launchers: list[str] = []
    if "LocalExecutor" in executors:
        launchers.append(names.SCHEDULER_ACCOUNT)
    if "KubernetesExecutor" in executors:
        launchers.append(names.WORKER_ACCOUNT)
        table.append(Grant("worker-pod-executor", "core", _EXECUTE, (names.SCHEDULER_ACCOUNT,)))
        table.append(Grant("worker-log-reader", "core", _READ_LOGS, (names.API_SERVER_ACCOUNT,)))
        if cleanup:
            table.append(Grant("worker-pod-cleaner", "core", _CLEAN_UP, (names.CLEANUP_ACCOUNT,)))
    return (Grant("task-pod-launcher", "tasks", _LAUNCH, tuple(launchers)), *table)


def grant(
    entry: Grant, namespaces: Mapping[Place, pulumi.Input[str]], opts: pulumi.ResourceOptions
) -> tuple[pulumi.Resource, pulumi.Resource]:
    """The Role and the RoleBinding of one grant."""
    metadata = k8s.meta.v1.ObjectMetaArgs(name=entry.name, namespace=namespaces[entry.place])
    role = k8s.rbac.v1.Role(
        entry.name,
        metadata=metadata,
        rules=[
            k8s.rbac.v1.PolicyRuleArgs(api_groups=[""], resources=[rule.resource], verbs=list(rule.verbs))
            for rule in entry.rules
        ],
        opts=opts,
    )
    binding = k8s.rbac.v1.RoleBinding(
        entry.name,
        metadata=metadata,
        role_ref=k8s.rbac.v1.RoleRefArgs(api_group="rbac.authorization.k8s.io", kind="Role", name=entry.name),
        subjects=[
            k8s.rbac.v1.SubjectArgs(kind="ServiceAccount", name=account, namespace=namespaces["core"])
            for account in entry.accounts
        ],
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[role])),
    )
    return role, binding
