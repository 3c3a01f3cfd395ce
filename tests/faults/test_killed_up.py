"""``up`` is killed with -9 at points that nobody chose; the next one does what is left."""

from __future__ import annotations

import os
import random
import secrets
import signal
import time
from pathlib import Path

import pytest

from tests.conftest import Deployed
from tests.faults.earlier import Earlier
from tests.faults.test_interrupted_up import change_release, change_source
from tests.faults.under_way import under_way
from tests.platform.observed import await_served, published, reference_of
from tests.platform.scratch import Scratch

pytestmark = [pytest.mark.platform, pytest.mark.faults]

#: Repeats what a failure has shown.
SEED_VARIABLE = "FAULTS_SEED"
SEED = os.environ.get(SEED_VARIABLE) or secrets.token_hex(4)
#: By each engine: ten in all.
POINTS = 5


def change_image(scratch: Scratch, mark: str) -> None:
    """Another content, whose libraries are there already."""
    scratch.append("images/cost-of-living/Dockerfile", f"\nENV FAULT={mark}\n")
    change_source(scratch, mark)


def change_component(scratch: Scratch, mark: str) -> None:
    """One that Helm brings."""
    change_release(scratch, mark, f"{60 + int(mark.split('-')[1])}m")


#: What there is to do, and how often of ten.
WORK = {change_image: 5, change_source: 3, change_component: 2}


@pytest.fixture(scope="module")
def whole_seconds(scratch: Scratch) -> float:
    """What one takes that nobody kills."""
    change_image(scratch, "whole")
    return scratch.up().seconds


@pytest.mark.parametrize("point", range(POINTS))
def test_the_next_up_does_what_is_left(
    with_results: Deployed, scratch: Scratch, whole_seconds: float, tmp_path: Path, point: int
) -> None:
    deployed, earlier = with_results, Earlier.of(with_results)
    drawn = random.Random(f"{SEED}/{point}")  # noqa: S311 - no secret
    mark = f"point-{point}-{time.time_ns()}"
    (change,) = drawn.choices(list(WORK), list(WORK.values()))
    seconds = drawn.uniform(0, whole_seconds)
    print(f"{SEED_VARIABLE}={SEED}: {change.__name__}, killed after {seconds:.2f} of {whole_seconds:.1f} s")
    change(scratch, mark)
    with under_way(scratch.folder, tmp_path / "output") as up:
        time.sleep(seconds)
        up.hit(signal.SIGKILL) if up.process.poll() is None else None
        killed = up.end()
    assert "Traceback" not in killed.output
    earlier.assert_nothing_lost(deployed)
    scratch.up()
    tree = published(deployed)
    assert mark in tree["sources/cost_of_living/tasks.py"].decode()
    assert reference_of(tree, "cost-of-living")
    earlier.assert_nothing_lost(deployed)
    await_served(deployed, "cost_of_living")


def test_in_the_end_nothing_is_left_to_do(with_results: Deployed, scratch: Scratch) -> None:
    done = scratch.up()
    assert done.counts[:4] == (0, 0, 0, 0), done.output
