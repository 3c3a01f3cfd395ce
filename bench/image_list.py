"""``images list`` with nothing changed, the registry asked for every image."""

from __future__ import annotations

import os
import sys

from bench.measure import in_turn
from bench.program import PROJECT
from bench.subject import Figures, Subject

SECONDS = 2.0


def measure(runs: int = 5) -> Figures:
    """Of whole processes; beside it the least that any command of ours takes."""
    os.chdir(PROJECT)
    commands = [sys.executable, "-m", "commands", "images"]
    found = in_turn({"images list": [*commands, "list"], "images --help": [*commands, "--help"]}, runs)
    return {name: figure.to_json() for name, figure in found.items()}


def table(figures: Figures) -> list[str]:
    lines = ["## `images list`, nothing changed", ""]
    lines += ["| | seconds | CPU seconds | peak MB | at most, s |", "| --- | ---: | ---: | ---: | ---: |"]
    for name, one in figures.items():
        limit = SECONDS if name == "images list" else ""
        seconds, memory = f"{one['seconds']:.2f} | {one['cpu_seconds']:.2f}", f"{one['peak_memory'] / 1e6:.0f}"
        lines.append(f"| {name} | {seconds} | {memory} | {limit} |")
    return lines


SUBJECT = Subject(
    "list",
    "images list",
    "images list",
    measure,
    table,
    needs="the running platform, to which `make up` has pushed the images",
)
