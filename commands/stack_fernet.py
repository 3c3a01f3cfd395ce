"""``stacks rotate-fernet``: a new key for what Airflow's database keeps encrypted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from commands.failure import told
from commands.stack_deploys import deploy
from commands.stack_file_edits import edited
from commands.stack_files import settings_of
from commands.stack_questions import confirm
from local.files import write

PLACE = ("airflow", "fernetKeys")


def rotate_fernet(
    stack: Annotated[str, typer.Argument(metavar="STACK", help="The stack whose key it is.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Draw a new Fernet key, re-encrypt connections, variables and triggers with it, and drop the old one.

    Two deployments: with both keys, whose last step is a Job that runs airflow rotate-fernet-key, and with the new one.
    Which keys count stands in Pulumi.STACK.yaml as airflow.fernetKeys, to be committed. Broken off, the same command
    goes on. The old key stays in the stack's state: dumps from before are encrypted with it.

        python -m commands stacks rotate-fernet staging
    """
    with told():
        keys = settings_of(stack).airflow.fernet_keys
        confirm(f"rotate the Fernet key of {stack}? Airflow restarts twice", yes=yes)
        for wanted in remaining(keys):
            path = Path(f"Pulumi.{stack}.yaml")
            write(path, edited(path.read_text(encoding="utf-8"), path.name, PLACE, list(wanted)))
            typer.echo(f"{path}: airflow.fernetKeys: {list(wanted)}")
            deploy(stack, settings_of(stack))
        typer.echo(f"commit Pulumi.{stack}.yaml")


def remaining(keys: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The settings to deploy, one after the other: a new key before the old ones, then alone.

    A key that is newer than all others and before them is a rotation that broke off; after a roll-back it is behind.
    """
    newest = max(keys)
    if len(keys) > 1 and keys[0] == newest:
        return [keys, keys[:1]]
    return [(newest + 1, *keys), (newest + 1,)]


def kept(then: tuple[int, ...], now: tuple[int, ...]) -> tuple[int, ...]:
    """The keys of an older commit, and behind them those that were drawn since, the newest first.

    A key beyond the last one named leaves the stack's state: protection refuses that, and with it the newest dump could
    not be read any more.
    """
    since = range(max(now), max(then), -1)
    return (*then, *since, *(key for key in now if key not in (*then, *since))) if since else then
