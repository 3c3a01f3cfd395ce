"""``make up`` is interrupted in the middle of its work; the next one does what is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from commands.failure import INTERRUPTED
from local.engine import Engine
from tests.conftest import Deployed
from tests.platform.observed import await_served, published
from tests.platform.scratch import Scratch, scratch_clone

pytestmark = [pytest.mark.platform, pytest.mark.faults]

REACHED_SECONDS = 90
ENDED_SECONDS = 30
TRIGGERER = {"requests": {"cpu": "51m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}


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


def change_release(scratch: Scratch, mark: str) -> None:
    """Another request of one component, which Helm brings."""
    file = scratch.folder / "Pulumi.dev.yaml"
    content = yaml.safe_load(file.read_text())
    content["config"].setdefault("de-airflow-pipeline:airflow", {})["components"] = {"triggerer": TRIGGERER}
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


@pytest.fixture(scope="module")
def scratch(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    with scratch_clone(tmp_path_factory.mktemp("interrupted")) as clone:
        yield clone


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.name)
def test_the_next_up_goes_on(deployed: Deployed, scratch: Scratch, tmp_path: Path, moment: Moment) -> None:
    engine = deployed.choice.engine
    number = moment.number[engine]
    mark = f"{number.name}-{time.time_ns()}"
    moment.change(scratch, mark)
    status, told = interrupted(scratch, moment.shown[engine], number, tmp_path / "output")
    assert "Traceback" not in told
    if number == signal.SIGINT:
        assert status == INTERRUPTED, told
        assert "the same command goes on from here" in told
    else:
        assert status == -number, told
    scratch.up()
    assert mark in published(deployed)["sources/cost_of_living/tasks.py"].decode()
    assert scratch.up().counts[:4] == (0, 0, 0, 0)
    await_served(deployed, "cost_of_living")


def interrupted(scratch: Scratch, shown: str, number: signal.Signals, output: Path) -> tuple[int, str]:
    """Send an ``up`` and all that it has started a signal at its moment, as a terminal does; its status and output."""
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "commands", "local", "up", "--no-smoke"],
            cwd=scratch.folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # A shell has its background jobs ignore Ctrl-C, and they pass that on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    try:
        end = time.monotonic() + REACHED_SECONDS
        while shown not in output.read_text():
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < end, output.read_text()
            time.sleep(0.05)
        os.killpg(process.pid, number)
        return process.wait(ENDED_SECONDS), output.read_text()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
