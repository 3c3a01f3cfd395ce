"""What a stack's committed file says, without its secrets: enough to read images and DAGs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infra import settings_source
from infra.settings import Settings

StackOption = Annotated[
    str, typer.Option("--stack", help="Whose registry, name and executors count: Pulumi.<stack>.yaml.")
]


def settings_of(stack: str) -> Settings:
    """The stack's settings, with a log-in that nothing uses. Raises InputError with every problem."""
    path = Path(f"Pulumi.{stack}.yaml")
    registry = settings_source.read_stack_file(path).get("registry")
    server = registry.get("server") if isinstance(registry, dict) else None
    unused = [{"server": server or "none", "username": "none", "password": "none"}]
    return settings_source.load_file(path, {"registryCredentials": unused})
