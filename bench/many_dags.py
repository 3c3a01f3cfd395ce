"""Generating a thousand DAGs of six chained tasks, and then one of them again, as ``dags build`` does."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import figure, run_once
from bench.program import PROJECT
from bench.subject import Figures, Subject

DAGS, TASKS = 1_000, 6
SECONDS = 5.0
HEAD = """# yaml-language-server: $schema=schema.json
dag_id: dag_%d
description: One of many
schedule: "30 6 * * 1-5"
start_date: 2026-01-01
tags: [example]
owner: data
image: letters
source: letters
retries: 1
tasks:
"""
TASK = """  step_%d:
    kind: pod
    entry: letters:count
    arguments: {run_id: "{{ run_id }}", day: "{{ ds }}", number: %d}
    env: {LANGUAGE: en}
    depends_on: [%s]
    resources:
      requests: {cpu: 100m, memory: 256Mi}
      limits: {cpu: "1", memory: 1Gi}
    execution_timeout: 10m
"""


def write_dags(folder: Path) -> None:
    """``dags/`` below the folder, each config of another content."""
    dags = folder / "dags"
    (dags / "letters").mkdir(parents=True)
    (dags / "letters/letters.py").write_text("def count(run_id, day, number): ...\n")
    for number in range(DAGS):
        tasks = (TASK % (step, number, f"step_{step - 1}" if step else "") for step in range(TASKS))
        (dags / f"dag_{number}.yaml").write_text(HEAD % number + "".join(tasks))


def measure(runs: int = 3) -> Figures:
    """A whole process each time: from nothing, and after one config has changed. Raises AssertionError where the
    second writes anything but that one file."""
    os.environ["PYTHONPATH"] = str(PROJECT)
    first, again = [], []
    for _ in range(runs):
        with TemporaryDirectory() as name:
            folder = Path(name)
            write_dags(folder)
            command = [sys.executable, "-m", "bench.many_dags_run", name]
            first.append(run_once(command))
            before = _times(folder)
            changed = folder / "dags/dag_7.yaml"
            changed.write_text(changed.read_text().replace("One of many", "Another one"))
            again.append(run_once(command))
            assert {path for path, time in _times(folder).items() if before[path] != time} == {"dag_7.py"}
    return {"all": figure(first).to_json(), "one changed": figure(again).to_json()}


def _times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (folder / "built").glob("dag_*.py")}


def table(figures: Figures) -> list[str]:
    lines = [f"## Generating {DAGS:,} DAGs of {TASKS} tasks", "", "| | seconds | CPU seconds | peak MB | at most |"]
    lines += ["| --- | ---: | ---: | ---: | ---: |"]
    for name, one in figures.items():
        measured = f"{one['seconds']:.2f} | {one['cpu_seconds']:.2f} | {one['peak_memory'] / 1e6:.0f}"
        lines.append(f"| {name} | {measured} | {SECONDS:.0f} s |")
    return lines


SUBJECT = Subject("dags", "many dags", f"generating {DAGS:,} DAGs", measure, table)
