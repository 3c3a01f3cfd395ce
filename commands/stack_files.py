"""What a stack's committed file says, without its secrets: enough to read images and DAGs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from infra import settings_source
from infra.settings import Settings
from local import services
from local.machine import NAME_VARIABLE, STACK, Machine

StackOption = Annotated[
    str, typer.Option("--stack", help="Whose registry, name and executors count: Pulumi.<stack>.yaml.")
]


def settings_of(stack: str) -> Settings:
    """The stack's settings, with a log-in that nothing uses, and no value where the file has an encrypted one.

    Raises InputError with every problem.
    """
    path = Path(f"Pulumi.{stack}.yaml")
    values = settings_source.without_secrets(settings_source.read_stack_file(path))
    if stack == STACK:
        values = settings_source.with_entries(values, services.secrets(Machine.here()))
        values |= {"name": name} if (name := os.environ.get(NAME_VARIABLE)) else {}
    registry = values.get("registry")
    server = registry.get("server") if isinstance(registry, dict) else None
    unused = [{"server": server or "none", "username": "none", "password": "none"}]
    return settings_source.parse({**values, "registryCredentials": unused}, path.name)
