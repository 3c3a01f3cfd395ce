"""How the objects of the stand-in chart differ from those of the official chart, for the values this program emits.

    python -m local.chart.compare [CHART] [--write]

CHART is the folder of the official chart, else AIRFLOW_CHART names it. Prints the table of docs/stand-in-chart.md, or
writes it there; exits 1 when a difference has no reason or a reason fits no difference.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.chart import STAND_IN, TABLE
from local.chart.accepted import reason, unused
from local.chart.objects import Difference, RenderError, differences, render
from local.chart.program_values import BOTH, ONE, program_values
from local.chart.table import markdown
from local.machine import Machine


@dataclass(frozen=True)
class Comparison:
    """The page, and what keeps it from being whole."""

    page: str
    unexplained: tuple[Difference, ...]
    outlived: tuple[str, ...]


def compare(helm: Path, official: Path, values: Mapping[str, Mapping[str, Any]]) -> Comparison:
    """Compare both charts for each entry of `values`: executor setting -> values. Raises RenderError."""
    found, objects = {}, set()
    for setting, given in values.items():
        theirs, ours = render(helm, official, given), render(helm, STAND_IN, given)
        found[setting] = differences(theirs, ours)
        objects |= {*theirs, *ours}
    every = [difference for setting in found.values() for difference in setting]
    return Comparison(
        page=markdown(found, objects),
        unexplained=tuple(difference for difference in every if reason(difference) is None),
        outlived=tuple(f"{entry.object} {entry.field}" for entry in unused(every)),
    )


def program_comparison(helm: Path, official: Path) -> Comparison:
    """Compare both charts for the program's values under both settings of its executors. Raises RenderError."""
    return compare(helm, official, {",".join(executors): program_values(executors) for executors in (BOTH, ONE)})


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.chart.compare", description=__doc__)
    parser.add_argument(
        "chart", nargs="?", default=os.environ.get("AIRFLOW_CHART"), help="folder of the official chart"
    )
    parser.add_argument("--write", action="store_true", help=f"write {TABLE.name} instead of printing it")
    arguments = parser.parse_args()
    if not arguments.chart:
        parser.error("give the folder of the official chart, or set AIRFLOW_CHART")
    try:
        comparison = program_comparison(helm_binary(), Path(arguments.chart))
    except RenderError as error:
        print(error, file=sys.stderr)
        return 1
    if arguments.write:
        TABLE.write_text(comparison.page, encoding="utf-8")
    else:
        print(comparison.page, end="")
    for difference in comparison.unexplained:
        print(f"not explained: {difference.object} {difference.field}", file=sys.stderr)
    for entry in comparison.outlived:
        print(f"explains nothing any more: {entry}", file=sys.stderr)
    return 1 if comparison.unexplained or comparison.outlived else 0


def helm_binary() -> Path:
    """The toolchain's Helm, else the one on PATH. Raises RenderError when there is neither."""
    built = Machine.here().tool("helm")
    found = str(built) if built.exists() else shutil.which("helm")
    if found is None:
        raise RenderError(f"no Helm at {built} nor on PATH; `make up` compiles it")
    return Path(found)


if __name__ == "__main__":
    sys.exit(main())
