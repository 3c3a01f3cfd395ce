"""The restricted Pod Security Standard, said once: as Pulumi arguments and as plain manifests.

Source of the rules: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi_kubernetes as k8s

from infra.settings_record import Resources


@dataclass(frozen=True)
class Identity:
    """Numeric user and group that a pod's processes run as; volumes belong to the group."""

    user: int
    group: int

    def pod(self) -> dict[str, Any]:
        """``spec.securityContext`` of a plain manifest."""
        return {
            "runAsNonRoot": True,
            "runAsUser": self.user,
            "runAsGroup": self.group,
            "fsGroup": self.group,
            "seccompProfile": {"type": "RuntimeDefault"},
        }

    def pod_arguments(self) -> k8s.core.v1.PodSecurityContextArgs:
        """``spec.securityContext`` of a pod that Pulumi registers."""
        return k8s.core.v1.PodSecurityContextArgs(
            run_as_non_root=True,
            run_as_user=self.user,
            run_as_group=self.group,
            fs_group=self.group,
            seccomp_profile=k8s.core.v1.SeccompProfileArgs(type="RuntimeDefault"),
        )


AIRFLOW = Identity(50000, 0)
POSTGRES = Identity(999, 999)
OBJECT_STORE = Identity(1000, 1000)
NOBODY = Identity(65534, 65534)


def container() -> dict[str, Any]:
    """``securityContext`` of a container in a plain manifest."""
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def container_arguments(*, read_only_root: bool) -> k8s.core.v1.SecurityContextArgs:
    """``securityContext`` of a container that Pulumi registers."""
    return k8s.core.v1.SecurityContextArgs(
        allow_privilege_escalation=False,
        capabilities=k8s.core.v1.CapabilitiesArgs(drop=["ALL"]),
        read_only_root_filesystem=read_only_root,
    )


def resources(amounts: Resources) -> dict[str, Any]:
    """``resources`` of a container in a plain manifest."""
    return amounts.model_dump()


def resource_arguments(amounts: Resources) -> k8s.core.v1.ResourceRequirementsArgs:
    """``resources`` of a container that Pulumi registers."""
    plain = amounts.model_dump()
    return k8s.core.v1.ResourceRequirementsArgs(requests=plain["requests"], limits=plain["limits"])
