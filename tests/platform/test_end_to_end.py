"""The main job on the running platform, by each engine that can be had."""

from __future__ import annotations

import pytest

from tests.conftest import Deployed
from tests.platform.commands import run

pytestmark = pytest.mark.platform

TASKS = {
    ("cost_of_living", "extract", "cost-of-living"),
    ("cost_of_living", "adjust", "cost-of-living"),
    ("cost_of_living", "report", "cost-of-living"),
    ("lakehouse_summary", "summarise", "lakehouse"),
}


@pytest.fixture(scope="module")
def settled(deployed: Deployed) -> Deployed:
    """Deployed, and what an earlier test may have left is applied."""
    done = run("local", "up")
    assert done.status == 0, done.output
    return deployed


def test_nothing_changed_does_nothing(settled: Deployed) -> None:
    done = run("local", "up")
    assert done.counts[:4] == (0, 0, 0, 0)
    assert "has passed the smoke test before" in done.output


def test_smoke_proves_every_task(settled: Deployed) -> None:
    done = run("local", "smoke")
    assert done.status == 0, done.output
    rows = [line.split() for line in done.output.splitlines() if " success " in line]
    assert {(row[0], row[1], row[3]) for row in rows if len(row) == 7} == TASKS


def test_status_tells_engine_chart_and_address(settled: Deployed) -> None:
    done = run("local", "status")
    assert done.status == 0
    assert f"applied by {settled.choice}" in done.output
    assert "smoke test passed" in done.output
    assert ("the chart is the stand-in" in done.output) == (settled.choice.chart == "stand-in")
