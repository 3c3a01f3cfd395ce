"""The dev stack as this machine deploys it: the committed stack file, and what only the machine knows."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra import settings_source
from infra.settings import Settings
from local import services
from local.engine import Choice
from local.machine import KUBE_CONTEXT, NAME_VARIABLE, STACK, Machine
from pipelines.errors import InputError, Problem, problems_in

STACK_FILE = Path(f"Pulumi.{STACK}.yaml")


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
    path, none_yet = machine.registry_credentials, {"username": "none-yet", "password": "none-yet"}
    if not path.exists():
        return [{"server": machine.registry, **none_yet}]
    try:
        held = json.loads(path.read_text())
    except ValueError:
        held = None
    if not isinstance(held, dict) or held.keys() != {"server", *none_yet} or not all(held.values()):
        expected, fix = "server, username and password of the registry, as JSON", "make down, remove the file, make up"
        raise InputError([Problem(str(path), "", "no whole log-in", expected, fix)])
    # Of another port offset: the next start makes one anew.
    return [held if held["server"] == machine.registry else {"server": machine.registry, **none_yet}]


def settings(machine: Machine, choice: Choice) -> Settings:
    """The settings that both engines deploy.

    Raises InputError with every problem, and when they are for another cluster or registry than this machine's.
    """
    wanted: dict[str, Any] = values(machine, choice)
    ours = (("kubernetes", "context", KUBE_CONTEXT, "cluster"), ("registry", "server", machine.registry, "registry"))
    elsewhere = []
    for part, key, own, what in ours:
        asked = _mapping(wanted, part).get(key)
        if isinstance(asked, str) and asked != own:
            expected, fix = (
                f"{own}, the {what} of the one-machine platform",
                "set it back, or deploy there by pulumi up",
            )
            elsewhere.append(Problem(STACK_FILE.name, f"{part}.{key}", asked, expected, fix))
            # Told already: what follows from it is not told again.
            wanted[part] = {**wanted[part], key: own}
    whole = {
        **settings_source.with_entries(wanted, services.secrets(machine)),
        "registryCredentials": credentials(machine),
    }
    if elsewhere:
        raise InputError((*elsewhere, *problems_in(lambda: settings_source.parse(whole, STACK_FILE.name))))
    return settings_source.parse(whole, STACK_FILE.name)


def _mapping(document: Mapping[str, object], key: str) -> dict[str, object]:
    part = document.get(key, {})
    # What is no mapping is for the settings to refuse.
    return dict(part) if isinstance(part, Mapping) else {}
