"""The dev stack as this machine deploys it: the committed stack file, and what only the machine knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from infra import settings_source
from infra.settings import Settings
from local.engine import Choice
from local.machine import KUBE_CONTEXT, Machine
from pipelines.errors import InputError, Problem

STACK = "dev"
STACK_FILE = Path(f"Pulumi.{STACK}.yaml")
SECRET_KEYS = ("registryCredentials",)


def values(machine: Machine, choice: Choice) -> dict[str, object]:
    """The stack's configuration without secrets: keys as in the stack file, without the project's prefix."""
    found = settings_source.read_stack_file(STACK_FILE)
    if choice.chart_path:
        found["chart"] = {**_mapping(found, "chart"), "path": choice.chart_path}
    if machine.port_offset:
        found["registry"] = {**_mapping(found, "registry"), "server": machine.registry}
    return found


def secrets(machine: Machine) -> dict[str, object]:
    """The secret part of the configuration: the platform's log-in to its own registry.

    Before the platform first starts there is none; what stands in serves to check the rest.
    """
    if not machine.registry_credentials.exists():
        return {"registryCredentials": [{"server": machine.registry, "username": "none-yet", "password": "none-yet"}]}
    return {"registryCredentials": [json.loads(machine.registry_credentials.read_text())]}


def settings(machine: Machine, choice: Choice) -> Settings:
    """The settings that both engines deploy. Raises InputError with every problem, and when they are for a cluster
    other than this machine's."""
    found = settings_source.parse({**values(machine, choice), **secrets(machine)}, STACK_FILE.name)
    context = found.kubernetes.context
    if context != KUBE_CONTEXT:
        expected = f"{KUBE_CONTEXT}, the cluster of the one-machine platform"
        fix = "set it back, or deploy to that cluster by pulumi up"
        raise InputError([Problem(STACK_FILE.name, "kubernetes.context", context, expected, fix)])
    return found


def _mapping(document: Mapping[str, object], key: str) -> dict[str, object]:
    part = document.get(key, {})
    # What is no mapping is for the settings to refuse.
    return dict(part) if isinstance(part, Mapping) else {}
