"""``stacks upgrade``: what deploying this checkout does to a running stack, and then that."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.failure import told
from commands.stack_clusters import cluster_of, is_this_machine_s
from commands.stack_deploys import deploy
from commands.stack_files import settings_of
from commands.stack_questions import confirm
from commands.tables import show
from infra.settings import Settings
from infra.stack_images import read_images
from local.backups import Backups
from local.machine import Machine
from local.progress import Progress
from local.running import running
from pipelines.errors import InputError
from pipelines.upgrades import Running, UpgradePlan, Wanted, upgrade_plan, upgrade_problems

SCHEMA = {
    "fits": "the database's schema stays",
    "empty": "the database has no schema yet",
    "moves": "the database's schema moves: the way back is stacks rollback --restore",
}


def upgrade(
    stack: Annotated[str, typer.Argument(metavar="STACK", help="The stack to upgrade.")],
    plan_only: Annotated[bool, typer.Option("--plan", help="Say what it would do, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Say what deploying this checkout restarts, migrates and builds, in its order; then ask, and deploy it.

    The versions are those of pipelines/releases.py. Refused, before anything is touched: a database whose schema is
    newer than this checkout's Airflow, and images that do not stand on it.

        python -m commands stacks upgrade staging --plan
    """
    with told():
        settings, progress = settings_of(stack), Progress()
        wanted = wanted_of(settings)
        client = cluster_of(Machine.here(), settings)
        with progress.step("what runs"):
            now = running(client, settings, Backups(client, settings, progress))
        if problems := upgrade_problems(stack, now, wanted):
            raise InputError(problems)
        backup = settings.database.backup.enabled
        plan = upgrade_plan(now, wanted, backup=backup)
        _say(plan, now, "make up applies" if is_this_machine_s(stack, settings) else "pulumi preview shows")
        if plan.moves and not backup:
            typer.echo(f"no dump goes before it, and no way back: python -m commands stacks backup {stack}")
        if plan_only:
            return
        confirm(f"deploy this checkout to {stack}?", yes=yes)
        deploy(stack, settings)


def wanted_of(settings: Settings) -> Wanted:
    """What this checkout makes of a stack. Raises InputError with every problem of its images."""
    airflow = settings.airflow
    images = read_images(settings, stage=False)
    return Wanted(airflow.version, airflow.python, settings.chart.version, images)


def _say(plan: UpgradePlan, now: Running, rest: str) -> None:
    if plan.changes:
        show(("", "runs", "comes"), plan.changes)
    typer.echo(f"{SCHEMA[plan.schema]}{f' (revision {now.revision})' if now.revision else ''}")
    typer.echo(f"restart: {', '.join(plan.restarts) or 'nothing'}")
    if plan.rebuilt:
        show(("image", "reference", "why"), [(one.name, one.reference, one.why) for one in plan.rebuilt])
    for number, step in enumerate(plan.steps, 1):
        typer.echo(f"{number}. {step}")
    if not plan.steps:
        typer.echo(f"nothing of all this changes; {rest} the rest")
