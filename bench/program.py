"""How the program grows with the number of image types, against the same program with none."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench.measure import in_turn
from bench.subject import Figures, Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COUNTS = (0, 2, 20, 200)
LIMITS = {20: 1.3, 200: 2.5}
PROJECT = Path(__file__).resolve().parent.parent

_PYPROJECT = """[project]
name = "type-{number}"
version = "1.0.0"
requires-python = "==3.13.*"
dependencies = []

[tool.dag-image]
profile = "task"
upstream = "python:3.13-slim-trixie"
"""
_DOCKERFILE = "ARG BASE_IMAGE=python:3.13-slim-trixie\nFROM ${BASE_IMAGE}\nCOPY task.py /task/\nUSER 10001:10001\n"


def write_project(root: Path, count: int) -> None:
    """A project folder with ``count`` image types and no DAG."""
    (root / "dags").mkdir(parents=True)
    (root / "images").mkdir()
    (root / "airflow_runtime").symlink_to(PROJECT / "airflow_runtime")
    for number in range(count):
        folder = root / "images" / f"type-{number}"
        folder.mkdir()
        (folder / "pyproject.toml").write_text(_PYPROJECT.format(number=number))
        (folder / "Dockerfile").write_text(_DOCKERFILE)
        (folder / "task.py").write_text(f"NUMBER = {number}\n")


@contextmanager
def _projects() -> Iterator[dict[int, Path]]:
    with TemporaryDirectory() as folder:
        roots = {count: Path(folder) / str(count) for count in COUNTS}
        for count, root in roots.items():
            write_project(root, count)
        yield roots


def measure(runs: int = 5) -> Figures:
    """Wall seconds and peak memory of a whole process, by the number of image types."""
    os.environ["PYTHONPATH"] = str(PROJECT)
    with _projects() as roots:
        commands = {str(count): [sys.executable, "-m", "bench.program_run", str(root)] for count, root in roots.items()}
        return {count: figure.to_json() for count, figure in in_turn(commands, runs).items()}


def table(figures: Figures) -> list[str]:
    floor = figures["0"]["seconds"]
    lines = ["## The program alone, by number of image types", ""]
    lines += ["| image types | seconds | x none | at most | peak MB |", "| ---: | ---: | ---: | ---: | ---: |"]
    for count, one in sorted(figures.items(), key=lambda item: int(item[0])):
        limit = LIMITS.get(int(count), "")
        ratio, memory = one["seconds"] / floor, one["peak_memory"] / 1e6
        lines.append(f"| {count} | {one['seconds']:.2f} | {ratio:.2f} | {limit} | {memory:.0f} |")
    return lines


def draw(axes: Axes, figures: Figures) -> None:
    counts = sorted(int(count) for count in figures)
    floor = figures["0"]["seconds"]
    axes.plot(counts, [figures[str(count)]["seconds"] / floor for count in counts], marker="o", label="measured")
    axes.scatter(list(LIMITS), list(LIMITS.values()), marker="v", color="tab:red", label="at most")
    axes.set(title="The program alone", xlabel="image types", ylabel="x the program with none", ylim=(0, None))
    axes.legend()


SUBJECT = Subject("program", "program", "the program alone, by number of image types", measure, table, draw)
