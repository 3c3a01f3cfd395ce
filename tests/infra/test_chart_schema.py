"""The values against the schema of whichever chart is at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from infra.settings import Executor
from tests.infra.stacks import ROOT
from tests.infra.test_airflow_values import rendered

STAND_IN = ROOT / "local" / "chart" / "airflow-stand-in"
EXECUTORS: list[tuple[Executor, ...]] = [
    ("KubernetesExecutor", "LocalExecutor"),
    ("LocalExecutor", "KubernetesExecutor"),
    ("KubernetesExecutor",),
]


def schema(chart: Path) -> dict[str, Any]:
    return dict(json.loads((chart / "values.schema.json").read_text()))


@pytest.mark.parametrize("executors", EXECUTORS, ids=",".join)
def test_the_stand_in_takes_the_values(executors: tuple[Executor, ...]) -> None:
    jsonschema.validate(rendered(executors), schema(STAND_IN))


@pytest.mark.chart
@pytest.mark.parametrize("executors", EXECUTORS, ids=",".join)
def test_the_official_chart_takes_the_values(executors: tuple[Executor, ...], official_chart: Path) -> None:
    jsonschema.validate(rendered(executors), schema(official_chart))
