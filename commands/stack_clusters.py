"""A client of a stack's cluster: of this machine's platform, or of the context that the stack names."""

from __future__ import annotations

from lightkube import Client, KubeConfig
from lightkube.core.exceptions import ConfigError

from infra.settings import Settings
from local.kubernetes_client import connect
from local.machine import KUBE_CONTEXT, STACK, Machine
from pipelines.errors import InputError, Problem


def is_this_machine_s(stack: str, settings: Settings) -> bool:
    """Whether ``make up`` deploys the stack."""
    return stack == STACK and settings.kubernetes.context == KUBE_CONTEXT


def cluster_of(machine: Machine, settings: Settings) -> Client:
    """Raises InputError where KUBECONFIG does not hold the stack's context."""
    context = settings.kubernetes.context
    if context == KUBE_CONTEXT:
        return connect(machine)
    try:
        configuration = KubeConfig.from_env().get(context)
    except (ConfigError, KeyError):
        configuration = None
    if configuration is None:
        fix = "point KUBECONFIG at the cluster of this stack"
        raise InputError([Problem("KUBECONFIG", "contexts", f"no {context}", f"the context {context}", fix)])
    return Client(configuration)
