"""Figures as JSON, as Markdown tables, and as a plot."""

from __future__ import annotations

import json
import os
import platform as machine
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local.machine import Machine

# Before the import: its caches belong below ours, which `make purge` removes.
os.environ.setdefault("MPLCONFIGDIR", str(Machine.here().cache / "matplotlib"))
import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot

from bench.subject import Subject

RESULTS = Path(__file__).resolve().parent / "results"
COLUMNS = 2


def write(subjects: Sequence[Subject], figures: Mapping[str, Any], results: Path = RESULTS) -> None:
    """``figures`` by key of a subject; those not among them keep their last result."""
    results.mkdir(exist_ok=True)
    path = results / "results.json"
    known = json.loads(path.read_text()) if path.is_file() else {}
    known.update(figures, machine=f"{machine.machine()}, Python {machine.python_version()}")
    text = json.dumps(known, indent=1, sort_keys=True)
    path.write_text(f"{text}\n")
    # As the file has it, so that tables made from it again are the same.
    known = json.loads(text)
    (results / "results.md").write_text(markdown(subjects, known))
    plot(subjects, known, results / "results.svg")


def markdown(subjects: Sequence[Subject], figures: Mapping[str, Any]) -> str:
    """The tables that ``results.md`` holds."""
    lines = ["# What things cost", "", f"Medians of whole processes on 2 cores; {figures.get('machine', '')}.", ""]
    for subject in subjects:
        if found := figures.get(subject.key):
            lines += [*subject.table(found), ""]
    return "\n".join(lines)


def plot(subjects: Sequence[Subject], figures: Mapping[str, Any], path: Path) -> None:
    """A panel for each subject that draws one and has figures."""
    mpl.rcParams["svg.hashsalt"] = "bench"
    drawn = [(subject.draw, figures[subject.key]) for subject in subjects if subject.draw and figures.get(subject.key)]
    rows = max(1, -(-len(drawn) // COLUMNS))
    figure, axes = pyplot.subplots(rows, COLUMNS, figsize=(12, 4.5 * rows), layout="constrained", squeeze=False)
    panels = list(axes.flat)
    for panel, (draw, found) in zip(panels, drawn, strict=False):
        draw(panel, found)
    for panel in panels[len(drawn) :]:
        panel.set_axis_off()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
