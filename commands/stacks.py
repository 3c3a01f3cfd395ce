"""``stacks``: the environments that this repository runs."""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.core import TyperGroup

#: Verb -> module of this package and function, in the order of the help.
VERBS = {
    "new": ("stack_new", "new"),
    "backup": ("stack_backups", "backup"),
    "restore": ("stack_backups", "restore"),
    "destroy": ("stack_destroy", "destroy"),
    "promote": ("stack_promotion", "promote"),
    "gc": ("stack_garbage", "collect"),
}


class Verbs(TyperGroup):
    """Imports a verb when it is asked for: each needs other libraries."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*VERBS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in VERBS:
            return None
        module, function = VERBS[cmd_name]
        alone = typer.Typer(add_completion=False)
        alone.command(cmd_name)(getattr(importlib.import_module(f"commands.{module}"), function))
        return typer.main.get_command(alone)


app = typer.Typer(cls=Verbs, help="Stacks: one Pulumi.<stack>.yaml each.", no_args_is_help=True, add_completion=False)


@app.callback()
def stacks() -> None:
    """Stacks: one Pulumi.<stack>.yaml each."""
