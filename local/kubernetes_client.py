"""A client of the platform's cluster."""

from __future__ import annotations

from lightkube import ApiError, Client, KubeConfig
from lightkube.resources.core_v1 import Namespace

from local.machine import KUBE_CONTEXT, Machine


def connect(machine: Machine) -> Client:
    """A client of this machine's cluster, whatever ``KUBECONFIG`` and proxies say."""
    config = KubeConfig.from_file(machine.kubeconfig).get(KUBE_CONTEXT)
    return Client(config, trust_env=False)


def namespace_annotations(client: Client, namespace: str) -> dict[str, str] | None:
    """The annotations of a namespace, or None when it does not exist."""
    try:
        live = client.get(Namespace, namespace)
    except ApiError as error:
        if error.status.code == 404:
            return None
        raise
    return (live.metadata and live.metadata.annotations) or {}
