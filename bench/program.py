"""How the program grows with the number of image types, against the same program with none."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import Figure, in_turn

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


def measure(runs: int = 5) -> dict[int, Figure]:
    """Wall seconds and peak memory of a whole process, by the number of image types."""
    os.environ["PYTHONPATH"] = str(PROJECT)
    with _projects() as roots:
        commands = {str(count): [sys.executable, "-m", "bench.program_run", str(root)] for count, root in roots.items()}
        return {int(count): figure for count, figure in in_turn(commands, runs).items()}
