"""The dev stack as this machine deploys it: the committed stack file, and what only the machine knows."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from infra import settings_source
from infra.settings import Settings
from local.engine import Choice
from local.machine import KUBE_CONTEXT, Machine
from pipelines.errors import InputError, Problem

STACK = "dev"
STACK_FILE = Path(f"Pulumi.{STACK}.yaml")
#: Names another namespace than the stack file's: a second deployment beside the first, on the same platform.
NAME_VARIABLE = "DE_AIRFLOW_PIPELINE_NAME"


def values(machine: Machine, choice: Choice) -> dict[str, object]:
    """The stack's configuration without secrets: keys as in the stack file, without the project's prefix."""
    found = settings_source.read_stack_file(STACK_FILE)
    if name := os.environ.get(NAME_VARIABLE):
        found["name"] = name
    if choice.chart_path:
        found["chart"] = {**_mapping(found, "chart"), "path": choice.chart_path}
    if machine.port_offset:
        found["registry"] = {**_mapping(found, "registry"), "server": machine.registry}
    return found


def credentials(machine: Machine) -> list[dict[str, str]]:
    """The secret part of the configuration, ``registryCredentials``: the platform's log-in to its own registry.

    Before the platform first starts there is none; what stands in serves to check the rest. Raises InputError when the
    file is there and holds none.
    """
    path = machine.registry_credentials
    if not path.exists():
        return [{"server": machine.registry, "username": "none-yet", "password": "none-yet"}]
    try:
        held = json.loads(path.read_text())
    except ValueError:
        held = None
    if not isinstance(held, dict) or held.keys() != {"server", "username", "password"} or not all(held.values()):
        expected, fix = "server, username and password of the registry, as JSON", "make down, remove the file, make up"
        raise InputError([Problem(str(path), "", "no whole log-in", expected, fix)])
    return [held]


def settings(machine: Machine, choice: Choice) -> Settings:
    """The settings that both engines deploy. Raises InputError with every problem, and when they are for a cluster
    other than this machine's."""
    found = settings_source.parse(
        {**values(machine, choice), "registryCredentials": credentials(machine)}, STACK_FILE.name
    )
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
