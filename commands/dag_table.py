"""``dags list``: the table of all DAGs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from commands.failure import FAILED, told
from commands.stack_files import StackOption, settings_of
from commands.tables import show
from infra import sources
from local import dag_parsing
from pipelines.dag_config import DagConfig
from pipelines.errors import InputError

ParseOption = Annotated[
    bool, typer.Option("--parse/--no-parse", help="Whether to measure, in a real Airflow, what parsing costs.")
]
COLUMNS = ("dag", "tasks", "image", "schedule", "parse ms")
OPEN = "-"


def list_dags(stack: StackOption = "dev", parse: ParseOption = True) -> None:
    """Show every DAG config: its tasks, the image types they run in, its schedule, what parsing its file costs.

    The milliseconds are CPU time of one file in Airflow's DAG processor, which loads what files import
    from Airflow once and forks for each file. They are measured with the Python that AIRFLOW_PYTHON names, or
    with the environment of this project's own tests where that was made; else they are left open.

        python -m commands dags list
        AIRFLOW_PYTHON=~/airflow/bin/python python -m commands dags list
        python -m commands dags list --no-parse
    """
    with told():
        found, checked = sources.load_good(settings := settings_of(stack))
        python = dag_parsing.airflow_python() if parse else None
        times = dag_parsing.measure(python, found.tree({}).files, settings.airflow.executors) if python else None
        costs = times.milliseconds if times else {}
        show(COLUMNS, [row(config, costs) for config in found.dags])
        if parse and not python:
            typer.echo(dag_parsing.NOT_MEASURED)
        if times:
            typer.echo(f"parsed by Airflow {times.airflow}")
        if checked.problems:
            raise InputError(checked.problems)
        if times and times.errors:
            typer.echo("\n".join(f"{file}: {error}" for file, error in times.errors.items()), err=True)
            raise typer.Exit(FAILED)


def row(config: DagConfig, costs: Mapping[str, float]) -> tuple[object, ...]:
    """In the order of ``COLUMNS``."""
    images = dict.fromkeys(config.dag.image_of(name) for name in config.dag.tasks)
    cost = costs.get(f"{config.dag_id}.py")
    schedule = config.dag.schedule
    return (
        config.dag_id,
        len(config.dag.tasks),
        ", ".join(images),
        "by hand" if schedule is None else schedule if isinstance(schedule, str) else _said(schedule),
        OPEN if cost is None else f"{cost:.1f}",
    )


def _said(schedule: object) -> str:
    said = getattr(schedule, "model_fields_set", None)
    if not said:
        return str(schedule)
    return ", ".join(f"{name}: {getattr(schedule, name)}" for name in type(schedule).model_fields if name in said)  # type: ignore[attr-defined]
