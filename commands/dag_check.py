"""``dags check``: all that can be known of the DAGs without a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from adoption.adopt import problems as adoption_problems
from adoption.records import Choices
from commands.dag_adopt import choices_of
from commands.dag_build import BUILT
from commands.failure import told
from commands.stack_files import StackOption, settings_of
from infra import sources
from infra.settings import Settings
from infra.sources import Sources
from local import dag_parsing
from pipelines.dag_config import DAGS
from pipelines.dag_source_code import hand_written_files, parsed
from pipelines.errors import InputError, Problem

SLOWEST = 3


def check(
    stack: StackOption = "dev", parse: bool = typer.Option(True, help="Also load every DAG in a real Airflow.")
) -> None:
    """Check everything about the DAGs that can be checked without a cluster, and tell all mistakes at once.

    form        keys, types, values, names, durations, cron expressions
    references  image types and their profile, source folders, functions
                and the arguments that they take, tasks waited for, XComs,
                pools, Secrets, ConfigMaps, volume claims, connections,
                variables
    order       no task waits for itself, in however many steps
    templates   Jinja that parses; variables, macros and parameters that
                Airflow 3 has
    size        pods within the namespace's quota, names of at most 63
                characters, a publication that fits
    by hand     what hand-written files must change: modules and arguments
                that Airflow 3 has no more, images of elsewhere and tags
                such as latest, credentials; `dags adopt` does most of it;
                image types and pod templates that the catalog has
    parsing     each file loads in Airflow, all within the stack's budget,
                publication.parseSeconds

    What the stack has, Pulumi.<stack>.yaml says. Parsing needs a Python with Airflow: AIRFLOW_PYTHON, or
    the environment of this project's own tests.

        python -m commands dags check
        python -m commands dags check --stack prod --no-parse
    """
    with told():
        settings = settings_of(stack)
        found = _loaded(settings)
        tasks = sum(len(config.dag.tasks) for config in found.dags)
        typer.echo(f"{len(found.dags)} DAGs, {tasks} tasks: no problem found")
        python = dag_parsing.airflow_python() if parse else None
        if python is None:
            typer.echo(dag_parsing.NOT_MEASURED if parse else "parsing: not asked for")
            return
        times = dag_parsing.measure(python, found.tree({}).files, settings.airflow.executors)
        typer.echo(f"parsing, Airflow {times.airflow}: {times.seconds:.2f} s in all, {_slowest(times)}")
        budget = settings.publication.parse_seconds
        if problems := [*parse_problems(times, budget, f"Pulumi.{stack}.yaml")]:
            raise InputError(problems)


def _loaded(settings: Settings) -> Sources:
    """All sources; raises InputError with what is wrong with them and with hand-written files, together."""
    try:
        found = sources.load(settings)
    except InputError as error:
        told_of = {problem.file.partition(":")[0] for problem in error.problems}
        others = [one for one in classic_problems(Choices()) if one.file.partition(":")[0] not in told_of]
        raise InputError([*error.problems, *others]) from None
    if problems := classic_problems(choices_of(found.images)):
        raise InputError(problems)
    return found


def classic_problems(choices: Choices, root: Path = DAGS) -> Sequence[Problem]:
    """What hand-written files must change before they work here; of what only a newer Python can parse, nothing."""
    contents = {file.as_posix(): file.read_bytes() for file in hand_written_files(root)}
    return [
        problem
        for file, content in contents.items()
        if parsed(content, file) != (None, [])
        for problem in adoption_problems(content, file, choices)
    ]


def parse_problems(times: dag_parsing.ParseTimes, budget: int, stack_file: str, root: Path = DAGS) -> list[Problem]:
    """Files that Airflow cannot load, and a total above the budget (seconds)."""
    by_hand = {path.name for path in hand_written_files(root)}
    problems = [
        Problem(
            (root if file in by_hand else BUILT).joinpath(file).as_posix(),
            "",
            error,
            "a DAG file that Airflow loads",
            "correct it, or the image's packages",
        )
        for file, error in times.errors.items()
    ]
    if times.seconds > budget:
        found = f"{times.seconds:.1f} s for {len(times.milliseconds)} files, {_slowest(times)}"
        fix = "move work out of the top level of hand-written files, or raise the budget"
        expected = f"at most {budget} s for all DAG files, one after the other"
        problems.append(Problem(stack_file, "publication.parseSeconds", found, expected, fix))
    return problems


def _slowest(times: dag_parsing.ParseTimes) -> str:
    most = sorted(times.milliseconds.items(), key=lambda item: -item[1])[:SLOWEST]
    return "most of it " + ", ".join(f"{file} {cost:.0f} ms" for file, cost in most) if most else "no file"
