"""``python -m commands``: one group a file, imported when it is asked for."""

from __future__ import annotations

import importlib
import sys
from typing import Any

try:
    import typer
    from typer.core import TyperGroup
except ModuleNotFoundError as missing:
    # Another Python than the one that make venv has filled: a slip, not a fault to trace.
    raise SystemExit(
        f"{sys.executable} has no {missing.name}: run make venv once, then .venv/bin/python -m commands ..."
    ) from None

#: Modules of this package, each with its ``app``, in the order of the help.
GROUPS = ("images", "dags", "stacks", "plan", "local", "doctor")


class Groups(TyperGroup):
    """Imports a group when it is asked for: the cluster's clients take a second, of no use to `images list`."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(GROUPS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in GROUPS:
            return None
        command = typer.main.get_command(importlib.import_module(f"commands.{cmd_name}").app)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=Groups,
    help="Airflow on Kubernetes with one small image per DAG type. Run it from the repository's folder.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def commands() -> None:
    """Airflow on Kubernetes with one small image per DAG type. Run it from the repository's folder."""


def main() -> None:
    app(prog_name="python -m commands")


if __name__ == "__main__":
    main()
