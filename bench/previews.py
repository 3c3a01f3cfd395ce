"""``plan diff`` against the real ``pulumi preview`` of the same change, on a deployed stack; a figure a stage."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from bench.program import PROJECT
from bench.subject import Figures, Subject
from local import nodeless

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Of the changes in tests/plan/changes.py.
CHANGES = ("an image's file edited", "a quota")
ENGINE, ANEW, KNOWN = "pulumi preview", "plan diff, base planned anew", "plan diff, base known"
#: How many times faster the plan has to be.
AT_LEAST = 1.5


def measure(runs: int = 5) -> Figures:
    """``{change: {way: {"seconds": median, "stages": {stage: median}}}}``. Raises RuntimeError where it cannot be."""
    with TemporaryDirectory() as folder:
        result = Path(folder) / "previews.json"
        command = [*nodeless.ALONE, sys.executable, "-m", "bench.previews_run", str(result), str(runs)]
        done = subprocess.run(command, cwd=PROJECT, check=False)
        if done.returncode:
            raise RuntimeError(f"the previews ended with {done.returncode}")
        taken: dict[str, dict[str, list[dict[str, float]]]] = json.loads(result.read_text())
    return {name: {way: medians(each) for way, each in ways.items()} for name, ways in taken.items()}


def medians(taken: list[dict[str, float]]) -> dict[str, Any]:
    """Of several runs; a stage that one of them has not is nothing there."""
    names = dict.fromkeys(stage for one in taken for stage in one)
    stages = {stage: statistics.median(one.get(stage, 0.0) for one in taken) for stage in names}
    return {"seconds": statistics.median(sum(one.values()) for one in taken), "stages": stages, "runs": len(taken)}


def slowest(figures: Figures) -> float:
    """How many times as long the engine takes as the plan, where that is least.

    The engine has its base in the state; the plan has it in the cache, or makes it beside the change's own.
    """
    found: list[float] = [
        ways[ENGINE]["seconds"] / ways[way]["seconds"] for ways in figures.values() for way in (ANEW, KNOWN)
    ]
    return min(found)


def table(figures: Figures) -> list[str]:
    lines = [
        "## What a change does: the plan, and the engine's own preview of the same change",
        "",
        "The small repository of the tests, deployed on a control plane without a node.",
        "",
        "| change | way | seconds | x as fast | stages |",
        "| --- | --- | ---: | ---: | --- |",
    ]
    for name, ways in figures.items():
        engine = ways[ENGINE]["seconds"]
        for way, found in ways.items():
            stages = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in found["stages"].items())
            lines.append(f"| {name} | {way} | {found['seconds']:.2f} | {engine / found['seconds']:.2f} | {stages} |")
    return [*lines, "", f"Least: {slowest(figures):.2f} x; wanted: {AT_LEAST} x."]


def draw(axes: Axes, figures: Figures) -> None:
    rows = [(name, way, found) for name, ways in figures.items() for way, found in ways.items()]
    for row, (_, _, found) in enumerate(rows):
        start = 0.0
        for number, seconds in enumerate(found["stages"].values()):
            axes.barh(row, seconds, left=start, color=f"C{number}", edgecolor="white")
            start += seconds
    axes.set_yticks(range(len(rows)), [f"{name}: {way}" for name, way, _ in rows], fontsize="small")
    axes.invert_yaxis()
    axes.set(title="What a change does", xlabel="seconds, by stage")


SUBJECT = Subject(
    "previews",
    "previews",
    "plans and the engine's previews of the same changes",
    measure,
    table,
    draw,
    needs="root, the Pulumi CLI and the toolchain",
)
