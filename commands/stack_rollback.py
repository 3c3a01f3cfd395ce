"""``stacks rollback``: an older commit deployed again; where the database is ahead of it, with the database it had."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from commands.failure import told
from commands.stack_clusters import cluster_of
from commands.stack_deploys import deploy
from commands.stack_fernet import PLACE, kept
from commands.stack_file_edits import edited
from commands.stack_files import settings_of
from commands.stack_questions import confirm
from infra.settings import Airflow, Settings
from infra.settings_source import read_stack_file
from local.backups import Backups
from local.files import write
from local.machine import Machine
from local.progress import Progress
from local.waiting import GaveUp
from pipelines.errors import InputError, Problem
from pipelines.schema_heads import head_of, schema_for
from pipelines.upgrades import NEWEST, dump_for, revision_of, schema_ahead
from plan.commits import CACHE, commit_of, plan_of
from plan.environments import python_for
from plan.explanation import Broken
from plan.work_trees import work_tree

VERSION = "airflow.version"


def rollback(
    stack: Annotated[str, typer.Argument(metavar="STACK", help="The stack to roll back.")],
    commit: Annotated[str, typer.Argument(metavar="COMMIT", help="What to deploy: a commit, tag or branch.")],
    restore: Annotated[
        str, typer.Option(metavar="KEY", help="The dump to put back: backups/<name>.dump, or newest.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Deploy an older commit, from a work tree of its own.

    Where the schema of the database is newer than that commit's Airflow it refuses, unless --restore names a dump: then
    it dumps what is there, stops Airflow, puts the older dump back, and deploys. What Airflow has recorded since that
    dump is forgotten; whatever runs loses whom it reports to. Broken off, the same command goes on. A Fernet key that
    was drawn since stays, behind those of that commit.

        python -m commands stacks rollback staging HEAD~1
        python -m commands stacks rollback staging HEAD~1 --restore newest
    """
    with told():
        settings, progress, found = settings_of(stack), Progress(), commit_of(commit)
        with progress.step("what that commit runs"):
            airflow = airflow_of(found, stack)
        backups = Backups(cluster_of(Machine.here(), settings), settings, progress)
        with progress.step("what the database holds"):
            key = _dump(backups, stack, airflow, commit, restore)
        words = f"put {key} back, forget what came after it, and " if key else ""
        confirm(f"{words}deploy {found[:12]} with Airflow {airflow} to {stack}?", yes=yes)
        if key:
            _restore(backups, key, progress)
        _deploy(stack, settings, found)
        with progress.step("Airflow"):
            backups.start()


def airflow_of(commit: str, stack: str) -> str:
    """The version of Airflow that a commit deploys, by its own program. Raises InputError where it deploys none."""
    planned = plan_of(commit, stack)
    if planned is None or isinstance(planned, Broken):
        said = f"no Pulumi.{stack}.yaml" if planned is None else planned.message
        raise InputError([Problem(commit[:12], f"stack {stack}", said, "a commit that deploys it", "name another")])
    return str(planned.settings[VERSION])


def _dump(backups: Backups, stack: str, airflow: str, commit: str, restore: str) -> str | None:
    """The key of the dump to put back; None where the version reads the database as it is."""
    revision = backups.revision()
    schema = schema_for(airflow, revision)
    if schema == "unknown":
        expected = f"revision {head_of(airflow) or 'of a known version'}, of Airflow {airflow}"
        fix = "look at pipelines/schema_heads.py"
        raise InputError([Problem(f"stack {stack}", "the database's schema", revision or "", expected, fix)])
    if schema != "ahead":
        return None
    if not restore:
        raise InputError([schema_ahead(stack, revision or "", airflow, commit)])
    keys = backups.keys().splitlines()
    key = dump_for(airflow, keys) if restore == NEWEST else restore if restore in keys else None
    if key is None or revision_of(key) != head_of(airflow):
        said = f"{restore}: {'no such dump' if key is None else f'revision {revision_of(key)}'}"
        expected = f"a dump of revision {head_of(airflow)}, of Airflow {airflow}"
        raise InputError([Problem(f"stack {stack}", "--restore", said, expected, f"stacks restore {stack} lists them")])
    return key


def _restore(backups: Backups, key: str, progress: Progress) -> None:
    with progress.step("dump of what is there"):
        typer.echo(backups.make())
    with progress.step(f"restore {key}"):
        # Left stopped: the Airflow that is there cannot read what has come back.
        typer.echo(backups.restore(key, start=False))


def _keep_keys(file: Path, now: tuple[int, ...]) -> None:
    """Have the commit's stack file, in its work tree, name the Fernet keys that were drawn since."""
    part, key = PLACE
    airflow = read_stack_file(file).get(part)
    named = airflow.get(key) if isinstance(airflow, Mapping) else None
    then = tuple(named or Airflow().fernet_keys)
    wanted = kept(then, now)
    if wanted != then:
        write(file, edited(file.read_text(encoding="utf-8"), file.name, PLACE, list(wanted)))
        typer.echo(
            f"{file.name} of that commit with {part}.{key}: {list(wanted)}; commit it before the next deployment"
        )


def _deploy(stack: str, settings: Settings, commit: str) -> None:
    with work_tree(commit) as root:
        _keep_keys(root / f"Pulumi.{stack}.yaml", settings.airflow.fernet_keys)
        python = python_for(root, CACHE)
        # The CLI's Python host looks for the environment in the project's folder.
        (root / ".venv").symlink_to(Path(python).parent.parent)
        try:
            deploy(stack, settings, root, python)
        except GaveUp as error:
            raise GaveUp(f"{error}\nthe same command goes on from here") from None
