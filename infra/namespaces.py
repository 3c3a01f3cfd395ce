"""Two namespaces: Airflow, its stores and workers in one, task pods in the other, so that neither starves the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as k8s

from infra import names, roles
from infra.service_accounts import ROLE_ANNOTATION, Account, Place
from infra.settings import Executor
from infra.settings_record import Quota

#: Those that the chart does not make.
WORKER = Account("core", names.WORKER_ACCOUNT)
OWN_ACCOUNTS = (
    WORKER,
    Account("core", names.PUBLISHER_ACCOUNT),
    Account("core", names.BACKUP_ACCOUNT),
    Account("tasks", names.TASK_ACCOUNT),
)
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
# For containers that say nothing; every container of this project says what it needs.
DEFAULTS: Mapping[str, Mapping[str, str]] = {
    "default": {"cpu": "500m", "memory": "512Mi"},
    "defaultRequest": {"cpu": "50m", "memory": "64Mi"},
}


@dataclass(frozen=True)
class NamespacesArguments:
    """Names, quotas, and what decides who launches pods and who removes them.

    ``roles`` of a cloud, by service account. ``protect`` keeps Airflow's namespace: its volumes and Secrets are in it.
    """

    core: str
    tasks: str
    core_quota: Quota
    tasks_quota: Quota
    executors: tuple[Executor, ...]
    cleanup: bool = False
    roles: Mapping[Account, pulumi.Input[str]] = field(default_factory=dict)
    protect: bool = False


class Namespaces(pulumi.ComponentResource):
    """Namespaces, what each may use, service accounts, and who may launch pods where.

    ``core`` and ``tasks`` are the namespaces' names; who uses them depends on the namespace.
    """

    core: pulumi.Output[str]
    tasks: pulumi.Output[str]
    ready: tuple[pulumi.Resource, ...]

    def __init__(self, arguments: NamespacesArguments, opts: pulumi.ResourceOptions) -> None:
        super().__init__("de-airflow-pipeline:infra:Namespaces", "namespaces", None, opts)
        child = pulumi.ResourceOptions(parent=self)
        kept = pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(protect=arguments.protect))
        self.core, *core_limits = _namespace(arguments.core, arguments.core_quota, child, kept)
        self.tasks, *tasks_limits = _namespace(arguments.tasks, arguments.tasks_quota, child, child)
        spaces: dict[Place, pulumi.Output[str]] = {"core": self.core, "tasks": self.tasks}
        accounts = [
            _account(account.name, spaces[account.place], account == WORKER, arguments.roles.get(account), child)
            for account in OWN_ACCOUNTS
        ]
        granted = [
            resource
            for grant in roles.grants(arguments.executors, cleanup=arguments.cleanup)
            for resource in roles.grant(grant, {"core": self.core, "tasks": self.tasks}, child)
        ]
        self.ready = (*core_limits, *tasks_limits, *accounts, *granted)
        self.register_outputs({"core": self.core, "tasks": self.tasks})


def _namespace(
    name: str, quota: Quota, opts: pulumi.ResourceOptions, kept: pulumi.ResourceOptions
) -> tuple[pulumi.Output[str], k8s.core.v1.ResourceQuota, k8s.core.v1.LimitRange]:
    namespace = k8s.core.v1.Namespace(
        name, metadata=k8s.meta.v1.ObjectMetaArgs(name=name, labels={**RESTRICTED, **names.CORE_PART_OF}), opts=kept
    )
    inside = namespace.metadata.name
    hard = {
        "pods": str(quota.pods),
        **{f"requests.{kind}": amount for kind, amount in quota.requests.model_dump().items()},
        **{f"limits.{kind}": amount for kind, amount in quota.limits.model_dump().items()},
    }
    limits = k8s.core.v1.ResourceQuota(
        f"{name}-quota",
        metadata=k8s.meta.v1.ObjectMetaArgs(name="quota", namespace=inside),
        spec=k8s.core.v1.ResourceQuotaSpecArgs(hard=hard),
        opts=opts,
    )
    defaults = k8s.core.v1.LimitRange(
        f"{name}-limits",
        metadata=k8s.meta.v1.ObjectMetaArgs(name="limits", namespace=inside),
        spec=k8s.core.v1.LimitRangeSpecArgs(
            limits=[
                k8s.core.v1.LimitRangeItemArgs(
                    type="Container", default=DEFAULTS["default"], default_request=DEFAULTS["defaultRequest"]
                )
            ]
        ),
        opts=opts,
    )
    return inside, limits, defaults


def _account(
    name: str,
    namespace: pulumi.Input[str],
    token: bool,
    role: pulumi.Input[str] | None,
    opts: pulumi.ResourceOptions,
) -> k8s.core.v1.ServiceAccount:
    return k8s.core.v1.ServiceAccount(
        name,
        metadata=k8s.meta.v1.ObjectMetaArgs(
            name=name, namespace=namespace, annotations={ROLE_ANNOTATION: role} if role is not None else None
        ),
        automount_service_account_token=token,
        image_pull_secrets=[k8s.core.v1.LocalObjectReferenceArgs(name=names.REGISTRY_SECRET)],
        opts=opts,
    )
