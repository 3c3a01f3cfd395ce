"""``make up`` is interrupted in the middle of its work; the next one does what is left."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from commands.failure import INTERRUPTED
from local.engine import Engine
from tests.conftest import Deployed
from tests.faults.under_way import under_way
from tests.platform.observed import await_served, published
from tests.platform.scratch import Scratch

pytestmark = [pytest.mark.platform, pytest.mark.faults]

CPU = "51m"


@dataclass(frozen=True)
class Moment:
    """``shown`` is what ``up`` by each engine says when it is there, and ``number`` the signal that it gets then;
    ``change`` gives it the work, with a mark."""

    name: str
    shown: Mapping[Engine, str]
    number: Mapping[Engine, signal.Signals]
    change: Callable[[Scratch, str], None]


def change_source(scratch: Scratch, mark: str) -> None:
    scratch.append("dags/cost_of_living/tasks.py", f"\n# {mark}\n")


def change_image(scratch: Scratch, mark: str) -> None:
    scratch.change_image(mark)
    change_source(scratch, mark)


def change_release(scratch: Scratch, mark: str, cpu: str = CPU) -> None:
    """Another request of one component, which Helm brings."""
    asked = {"requests": {"cpu": cpu, "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
    file = scratch.folder / "Pulumi.dev.yaml"
    content = yaml.safe_load(file.read_text())
    content["config"].setdefault("de-airflow-pipeline:airflow", {})["components"] = {"triggerer": asked}
    file.write_text(yaml.safe_dump(content))
    change_source(scratch, mark)


MOMENTS = (
    Moment(
        "build",
        {"direct": "de-airflow-pipeline-cost-of-living", "pulumi": "cost-of-living updating"},
        {"direct": signal.SIGINT, "pulumi": signal.SIGKILL},
        change_image,
    ),
    Moment(
        "release",
        {"direct": "release ", "pulumi": "airflow updating"},
        {"direct": signal.SIGKILL, "pulumi": signal.SIGKILL},
        change_release,
    ),
    Moment(
        "publication",
        {"direct": "/publication-", "pulumi": "publication creating"},
        {"direct": signal.SIGKILL, "pulumi": signal.SIGINT},
        change_source,
    ),
)


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.name)
def test_the_next_up_goes_on(deployed: Deployed, scratch: Scratch, tmp_path: Path, moment: Moment) -> None:
    engine = deployed.choice.engine
    number = moment.number[engine]
    mark = f"{number.name}-{time.time_ns()}"
    moment.change(scratch, mark)
    with under_way(scratch.folder, tmp_path / "output") as up:
        up.await_shown(moment.shown[engine])
        up.hit(number)
        done = up.end()
    assert "Traceback" not in done.output
    if number == signal.SIGINT:
        assert done.status == INTERRUPTED, done.output
        assert "the same command goes on from here" in done.output
    else:
        assert done.status == -number, done.output
    scratch.up()
    assert mark in published(deployed)["sources/cost_of_living/tasks.py"].decode()
    assert scratch.up().counts[:4] == (0, 0, 0, 0)
    await_served(deployed, "cost_of_living")
