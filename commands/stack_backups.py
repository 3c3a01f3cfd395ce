"""``stacks backup`` and ``stacks restore``: a dump of a stack's database, made and brought back."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.failure import told
from commands.stack_clusters import cluster_of
from commands.stack_files import settings_of
from commands.stack_questions import confirm
from local.backups import Backups
from local.machine import Machine
from local.progress import Progress

Stack = Annotated[str, typer.Argument(metavar="STACK", help="The stack whose database it is.")]


def backup(stack: Stack) -> None:
    """Dump the metadata database to the bucket now, as pulumi up does before a migration."""
    with told():
        backups, progress = _backups(stack)
        with progress.step("backup"):
            said = backups.make()
        typer.echo(said)


def restore(
    stack: Stack,
    key: Annotated[str, typer.Argument(metavar="[KEY]", help="backups/<name>.dump; all are listed without it.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Make the metadata database what it was when a dump was made; list the dumps when none is named.

    Airflow stops meanwhile. What has run since is forgotten, whatever runs now loses whom it reports to, and the bucket
    stays as it is. Another version's schema needs that version's checkout deployed after it.
    """
    with told():
        backups, progress = _backups(stack)
        if not key:
            with progress.step("dumps"):
                said = backups.keys()
            typer.echo(said or "no dumps")
            return
        confirm(f"replace the database of {stack} by {key}?", yes=yes)
        with progress.step("restore"):
            said = backups.restore(key)
        typer.echo(said)


def _backups(stack: str) -> tuple[Backups, Progress]:
    settings, progress = settings_of(stack), Progress()
    return Backups(cluster_of(Machine.here(), settings), settings, progress), progress
