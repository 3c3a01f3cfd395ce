"""A client of the platform's cluster."""

from __future__ import annotations

import threading
from typing import Any

import yaml
from lightkube import ApiError, Client, KubeConfig, SingleConfig
from lightkube.core.decoders import decode_list
from lightkube.core.exceptions import ConfigError, LoadResourceError
from lightkube.core.resource_registry import resource_registry
from lightkube.resources.core_v1 import Namespace

from local.machine import KUBE_CONTEXT, Machine
from pipelines.errors import InputError, Problem

# Kinds that threads read side by side, beside those that an apply registers.
SHARED = (
    *(("v1", kind) for kind in ("Event", "Namespace", "Node", "Pod", "Secret", "Service")),
    *(("apps/v1", kind) for kind in ("DaemonSet", "Deployment", "StatefulSet")),
    ("batch/v1", "Job"),
)
_lock = threading.Lock()


def connect(machine: Machine) -> Client:
    """A client of this machine's cluster, whatever ``KUBECONFIG`` and proxies say; threads may share it.

    Raises InputError when the platform's kubeconfig does not hold its context.
    """
    for version, name in SHARED:
        kind_of(version, name)
    return Client(_configuration(machine), trust_env=False)


def _configuration(machine: Machine) -> SingleConfig:
    known: KubeConfig | None = None
    try:
        known = KubeConfig.from_file(machine.kubeconfig)
        config = known.get(KUBE_CONTEXT)
    except (ConfigError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        config = None
    if config is not None:
        return config
    found = ", ".join(sorted(known.contexts)) or "no context" if known else "no kubeconfig"
    expected, fix = f"the context {KUBE_CONTEXT}", "make down, then make up, which writes the file anew"
    raise InputError([Problem(str(machine.kubeconfig), "contexts", found, expected, fix)])


def kind_of(version: str, name: str) -> Any:
    """lightkube's class of a kind that can be applied, or None."""
    with _lock:
        try:
            kind = resource_registry.load(version, name)
        except LoadResourceError:
            return None
        if "patch" not in kind._api_info.verbs:
            return None
        # msgspec works a class out when it first decodes one, and crashes when two threads are the first.
        decode_list(b'{"items": []}', kind)
        return kind


def namespace_annotations(client: Client, namespace: str) -> dict[str, str] | None:
    """The annotations of a namespace, or None when it does not exist."""
    try:
        live = client.get(Namespace, namespace)
    except ApiError as error:
        if error.status.code == 404:
            return None
        raise
    return (live.metadata and live.metadata.annotations) or {}
