"""Figures as JSON, as a Markdown table, and as a plot."""

from __future__ import annotations

import json
import os
import platform as machine
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.content_keys import LIMIT as KEY_LIMIT
from bench.many_images import FILES, FOLDERS, MEMORY, SECONDS
from bench.program import LIMITS
from local.machine import Machine

# Before the import: its caches belong below ours, which `make purge` removes.
os.environ.setdefault("MPLCONFIGDIR", str(Machine.here().cache / "matplotlib"))
import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot
from matplotlib.axes import Axes

# Stages of the smoke test, which is a stage itself.
INSIDE_ANOTHER = "DAG "
# Seconds, below which a name does not fit into its bar.
WORTH_A_LABEL = 40
RESULTS = Path(__file__).resolve().parent / "results"


def write(figures: Mapping[str, Any]) -> None:
    """``figures``: any of ``program``, ``content keys``, ``many images``, ``stages``; others keep their last result."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "results.json"
    known = json.loads(path.read_text()) if path.is_file() else {}
    known.update(figures, machine=f"{machine.machine()}, Python {machine.python_version()}")
    path.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
    (RESULTS / "results.md").write_text(markdown(known))
    plot(known, RESULTS / "results.svg")


def markdown(figures: Mapping[str, Any]) -> str:
    """The tables that ``results.md`` holds."""
    lines = ["# What things cost", "", f"Medians of whole processes on 2 cores; {figures.get('machine', '')}.", ""]
    if program := figures.get("program"):
        floor = program["0"]["seconds"]
        lines += ["## The program alone, by number of image types", ""]
        lines += ["| image types | seconds | x none | at most | peak MB |", "| ---: | ---: | ---: | ---: | ---: |"]
        for count, one in sorted(program.items(), key=lambda item: int(item[0])):
            limit = LIMITS.get(int(count), "")
            ratio, memory = one["seconds"] / floor, one["peak_memory"] / 1e6
            lines.append(f"| {count} | {one['seconds']:.2f} | {ratio:.2f} | {limit} | {memory:.0f} |")
        lines.append("")
    if keys := figures.get("content keys"):
        ratio = keys["content key"]["seconds"] / keys["sha256sum"]["seconds"]
        lines += ["## Content keys: 500 MB in 5,000 files", "", "| | seconds | peak MB |", "| --- | ---: | ---: |"]
        for name, one in sorted(keys.items()):
            lines.append(f"| {name} | {one['seconds']:.2f} | {one['peak_memory'] / 1e6:.0f} |")
        lines += ["", f"{ratio:.2f} x `sha256sum`, at most {KEY_LIMIT:.0f}.", ""]
    if many := figures.get("many images"):
        lines += [f"## Keys of {FOLDERS:,} image folders of {FILES} files", ""]
        lines += [
            "| | measured | at most |",
            "| --- | ---: | ---: |",
            f"| seconds | {many['seconds']:.2f} | {SECONDS} |",
        ]
        lines += [f"| peak MB | {many['peak_memory'] / 1e6:.0f} | {MEMORY / 1e6:.0f} |", ""]
    for name, run in figures.get("stages", {}).items():
        lines += [f"## make up, {name}: {run['seconds']:.0f} s", "", f"By {run['applied by']}.", ""]
        lines += ["| stage | seconds | machine's peak memory, MB |", "| --- | ---: | ---: |"]
        for stage in run["stages"]:
            lines.append(f"| {stage['name']} | {stage['seconds']:.1f} | {stage['peak_memory'] / 1e6:.0f} |")
        lines.append("")
    return "\n".join(lines)


def plot(figures: Mapping[str, Any], path: Path) -> None:
    """One panel for the program, one for the stages of ``make up``."""
    mpl.rcParams["svg.hashsalt"] = "bench"
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    if program := figures.get("program"):
        counts = sorted(int(count) for count in program)
        floor = program["0"]["seconds"]
        left.plot(counts, [program[str(count)]["seconds"] / floor for count in counts], marker="o", label="measured")
        left.scatter(list(LIMITS), list(LIMITS.values()), marker="v", color="tab:red", label="at most")
        left.set(title="The program alone", xlabel="image types", ylabel="x the program with none", ylim=(0, None))
        left.legend()
    stages = figures.get("stages", {})
    for row, run in enumerate(stages.values()):
        _bar(right, row, [one for one in run["stages"] if not one["name"].startswith(INSIDE_ANOTHER)])
    right.set_yticks(range(len(stages)), [f"{name}\n{run['seconds']:.0f} s" for name, run in stages.items()])
    right.set(title="make up", xlabel="seconds")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _bar(axes: Axes, row: int, stages: Sequence[Mapping[str, Any]]) -> None:
    start = 0.0
    for number, stage in enumerate(stages):
        seconds = stage["seconds"]
        axes.barh(row, seconds, left=start, color=f"C{number % 10}", edgecolor="white")
        if seconds > WORTH_A_LABEL:
            words = stage["name"].partition(" with ")[0].replace(" ", "\n")
            axes.text(start + seconds / 2, row, words, ha="center", va="center", fontsize="small", color="white")
        start += seconds
