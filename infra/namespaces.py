"""Two namespaces: Airflow, its stores and workers in one, task pods in the other, so that neither starves the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from infra import names, roles
from infra.settings import Executor
from infra.settings_record import Quota

RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
# For containers that say nothing; every container of this project says what it needs.
DEFAULTS: Mapping[str, Mapping[str, str]] = {
    "default": {"cpu": "500m", "memory": "512Mi"},
    "defaultRequest": {"cpu": "50m", "memory": "64Mi"},
}


@dataclass(frozen=True)
class NamespacesArguments:
    """Names, quotas, and what decides who launches pods and who removes them."""

    core: str
    tasks: str
    core_quota: Quota
    tasks_quota: Quota
    executors: tuple[Executor, ...]
    cleanup: bool = False


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
        self.core, *core_limits = _namespace(arguments.core, arguments.core_quota, child)
        self.tasks, *tasks_limits = _namespace(arguments.tasks, arguments.tasks_quota, child)
        accounts = (
            _account(names.WORKER_ACCOUNT, self.core, token=True, opts=child),
            _account(names.TASK_ACCOUNT, self.tasks, token=False, opts=child),
        )
        granted = [
            resource
            for grant in roles.grants(arguments.executors, cleanup=arguments.cleanup)
            for resource in roles.grant(grant, {"core": self.core, "tasks": self.tasks}, child)
        ]
        self.ready = (*core_limits, *tasks_limits, *accounts, *granted)
        self.register_outputs({"core": self.core, "tasks": self.tasks})


def _namespace(
    name: str, quota: Quota, opts: pulumi.ResourceOptions
) -> tuple[pulumi.Output[str], k8s.core.v1.ResourceQuota, k8s.core.v1.LimitRange]:
    namespace = k8s.core.v1.Namespace(
        name, metadata=k8s.meta.v1.ObjectMetaArgs(name=name, labels={**RESTRICTED, **names.CORE_PART_OF}), opts=opts
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
    name: str, namespace: pulumi.Input[str], *, token: bool, opts: pulumi.ResourceOptions
) -> k8s.core.v1.ServiceAccount:
    return k8s.core.v1.ServiceAccount(
        name,
        metadata=k8s.meta.v1.ObjectMetaArgs(name=name, namespace=namespace),
        automount_service_account_token=token,
        image_pull_secrets=[k8s.core.v1.LocalObjectReferenceArgs(name=names.REGISTRY_SECRET)],
        opts=opts,
    )
