"""The dev stack as this machine deploys it: the committed stack file, and what only the machine knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from infra import settings_source
from infra.settings import Settings
from local.engine import Choice
from local.machine import KUBE_CONTEXT, Machine

STACK = "dev"
STACK_FILE = Path(f"Pulumi.{STACK}.yaml")
SECRET_KEYS = ("registryCredentials",)


def values(machine: Machine, choice: Choice) -> dict[str, object]:
    """The stack's configuration without secrets: keys as in the stack file, without the project's prefix."""
    committed = settings_source.read_stack_file(STACK_FILE)
    chart = {**_mapping(committed, "chart"), "path": choice.chart_path}
    return {
        **committed,
        "kubernetes": {**_mapping(committed, "kubernetes"), "context": KUBE_CONTEXT},
        "registry": {**_mapping(committed, "registry"), "server": machine.registry},
        "chart": {key: value for key, value in chart.items() if value is not None},
    }


def secrets(machine: Machine) -> dict[str, object]:
    """The secret part of the configuration: the platform's log-in to its own registry.

    Before the platform first starts there is none; what stands in serves to check the rest.
    """
    if not machine.registry_credentials.exists():
        return {"registryCredentials": [{"server": machine.registry, "username": "none-yet", "password": "none-yet"}]}
    return {"registryCredentials": [json.loads(machine.registry_credentials.read_text())]}


def settings(machine: Machine, choice: Choice) -> Settings:
    """The settings that both engines deploy. Raises InputError with every problem."""
    return settings_source.parse({**values(machine, choice), **secrets(machine)}, STACK_FILE.name)


def _mapping(document: Mapping[str, object], key: str) -> dict[str, object]:
    part = document.get(key, {})
    # What is no mapping is for the settings to refuse.
    return dict(part) if isinstance(part, Mapping) else {}
