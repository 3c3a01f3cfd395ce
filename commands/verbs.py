"""Groups whose verbs are imported when they are asked for: each needs other libraries."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperGroup


def lazy_group(verbs: Mapping[str, tuple[str, str]], words: str) -> typer.Typer:
    """A group of verbs: name -> module of this package and function, in the order of the help."""

    class Verbs(TyperGroup):
        def list_commands(self, ctx: Any) -> list[str]:
            return list(verbs)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            if cmd_name not in verbs:
                return None
            module, function = verbs[cmd_name]
            alone = typer.Typer(add_completion=False)
            alone.command(cmd_name)(getattr(importlib.import_module(f"commands.{module}"), function))
            return typer.main.get_command(alone)

    group = typer.Typer(cls=Verbs, help=words, no_args_is_help=True, add_completion=False)
    group.callback(help=words)(lambda: None)
    return group
