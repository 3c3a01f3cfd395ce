"""Which engine applies the program and which chart it installs: decided once, recorded on the namespace, then kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from lightkube import Client
from lightkube.resources.core_v1 import Namespace
from lightkube.types import PatchType

from local.kubernetes_client import namespace_annotations
from local.machine import PROJECT
from pipelines.errors import InputError, Problem

Engine = Literal["pulumi", "direct"]
ChartKind = Literal["official", "stand-in"]

#: The published version whose smoke run has passed.
PASSED_ANNOTATION = f"{PROJECT}/smoke-passed"
ENGINE_ANNOTATION = f"{PROJECT}/engine"
CHART_ANNOTATION = f"{PROJECT}/chart"
CHART_PATH_ANNOTATION = f"{PROJECT}/chart-path"
STAND_IN = "local/chart/airflow-stand-in"
MANAGER = f"{PROJECT}-make"


@dataclass(frozen=True)
class Choice:
    """``chart_path`` is a folder or archive; None takes the chart from the stack's repository."""

    engine: Engine
    chart: ChartKind
    chart_path: str | None

    def __str__(self) -> str:
        return f"{'pulumi up' if self.engine == 'pulumi' else 'direct apply'}, {self.chart} chart"


def choose(
    environment: Mapping[str, str], recorded: Choice | None, cli: Callable[[], bool], downloadable: Callable[[], bool]
) -> Choice:
    """What ``make up`` applies with: what is recorded, else what ``APPLY`` and ``CHART`` ask for, else what is there.

    ``cli`` tells whether a Pulumi CLI is on PATH, ``downloadable`` whether the chart's repository answers.
    Raises InputError when the environment asks for what is not there, or for other than what is recorded.
    """
    problems: list[Problem] = []
    engine = _wanted(environment, "APPLY", get_args(Engine), recorded.engine if recorded else None, problems)
    chart = _wanted(environment, "CHART", get_args(ChartKind), recorded.chart if recorded else None, problems)
    if problems:
        raise InputError(problems)
    if engine is None:
        engine = "pulumi" if cli() else "direct"
    elif engine == "pulumi" and not cli():
        problems.append(
            Problem("environment", "PATH", "no pulumi", "the Pulumi CLI", f"install it, or {_way_out(recorded)}")
        )
    path = environment.get("AIRFLOW_CHART") or (recorded.chart_path if recorded else None)
    if chart is None:
        chart = "official" if environment.get("AIRFLOW_CHART") or downloadable() else "stand-in"
    if recorded and recorded.chart == "stand-in" and (asked := environment.get("AIRFLOW_CHART")):
        expected = "none: the stand-in made what is there"
        fix = "unset AIRFLOW_CHART, or make purge, which removes all data, and then make up"
        problems.append(Problem("environment", "AIRFLOW_CHART", asked, expected, fix))
    if chart == "stand-in":
        path = STAND_IN
    elif path:
        # Recorded for whatever clone comes next.
        path = str(Path(path).absolute())
        problems += [] if Path(path).exists() else [_no_chart(path)]
    elif not downloadable():
        problems.append(_no_chart("no answer from the chart's repository"))
    if problems:
        raise InputError(problems)
    return Choice(cast("Engine", engine), cast("ChartKind", chart), path)


def check(environment: Mapping[str, str]) -> None:
    """Raise InputError when ``APPLY`` or ``CHART`` asks for what does not exist at all."""
    problems: list[Problem] = []
    for variable, known in (("APPLY", get_args(Engine)), ("CHART", get_args(ChartKind))):
        _wanted(environment, variable, known, None, problems)
    if problems:
        raise InputError(problems)


def recorded(client: Client, namespace: str, begun: Choice | None = None) -> Choice | None:
    """What is recorded on the namespace; None where it does not exist.

    ``begun`` is what an engine that makes the namespace itself has begun with, and perhaps not finished.
    Raises InputError when the namespace exists and ``make up`` has not made it.
    """
    found = namespace_annotations(client, namespace)
    if found is None:
        return None
    if CHART_ANNOTATION not in found and begun is not None:
        return begun
    if CHART_ANNOTATION not in found or ENGINE_ANNOTATION not in found:
        raise InputError(
            [
                Problem(
                    f"namespace {namespace}",
                    ENGINE_ANNOTATION,
                    "a namespace that make up has not made",
                    "none, or one of make up's",
                    "go on with what has made it, or delete it, or make purge",
                )
            ]
        )
    path = found.get(CHART_PATH_ANNOTATION) or None
    return Choice(cast("Engine", found[ENGINE_ANNOTATION]), cast("ChartKind", found[CHART_ANNOTATION]), path)


def record(client: Client, namespace: str, choice: Choice) -> None:
    """Write the choice on the namespace, and make it where it does not exist."""
    values = {
        ENGINE_ANNOTATION: choice.engine,
        CHART_ANNOTATION: choice.chart,
        CHART_PATH_ANNOTATION: choice.chart_path or "",
    }
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "annotations": values}}
    client.patch(Namespace, namespace, body, patch_type=PatchType.APPLY, field_manager=MANAGER, force=True)


def _wanted(
    environment: Mapping[str, str], variable: str, known: tuple[str, ...], kept: str | None, problems: list[Problem]
) -> str | None:
    asked = environment.get(variable) or None
    if asked is not None and asked not in known:
        problems.append(Problem("environment", variable, asked, " or ".join(known), f"unset {variable}, or correct it"))
    elif asked is not None and kept is not None and asked != kept:
        expected = f"{kept}, which made what is there"
        fix = (
            f"go on with {variable}={kept}, or make purge, which removes all data, and then {variable}={asked} make up"
        )
        problems.append(Problem("environment", variable, asked, expected, fix))
    return kept or asked


def _no_chart(found: str) -> Problem:
    fix = "set AIRFLOW_CHART to a folder or archive that holds it"
    return Problem("environment", "AIRFLOW_CHART", found, "Airflow's official chart", fix)


def _way_out(kept: Choice | None) -> str:
    return "make purge and start again" if kept else "unset APPLY"
