"""``images``: the image types of this repository."""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.core import TyperGroup

#: Verb -> module of this package and function, in the order of the help.
VERBS = {
    "list": ("image_list", "list_images"),
    "new": ("image_folders", "new"),
    "lock": ("image_locks", "lock_images"),
    "build": ("image_builds", "build"),
    "test": ("image_tests", "try_images"),
    "shell": ("image_builds", "shell"),
    "pin": ("image_pins", "pin"),
    "matrix": ("image_matrix", "matrix"),
    "sbom": ("image_bills", "sbom"),
    "licences": ("image_bills", "licences"),
    "audit": ("image_audit", "audit"),
}


class Verbs(TyperGroup):
    """Imports a verb when it is asked for: each needs other libraries."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *VERBS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in VERBS:
            return super().get_command(ctx, cmd_name)
        module, function = VERBS[cmd_name]
        alone = typer.Typer(add_completion=False)
        alone.command(cmd_name)(getattr(importlib.import_module(f"commands.{module}"), function))
        return typer.main.get_command(alone)


app = typer.Typer(
    cls=Verbs, help="Image types: one folder below images/ each.", no_args_is_help=True, add_completion=False
)


@app.callback()
def images() -> None:
    """Image types: one folder below images/ each."""
