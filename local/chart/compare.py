"""How the objects of the stand-in chart differ from those of the official chart, for the values this program emits.

    python -m local.chart.compare [CHART] [--write]

CHART is the folder of the official chart, else AIRFLOW_CHART names it. Prints the table of docs/stand-in-chart.md, or writes it
there; exits 1 when a difference has no reason or a reason fits no difference.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.chart import STAND_IN, TABLE
from local.chart.accepted import reason, unused
from local.chart.objects import Difference, RenderError, differences, render
from local.chart.table import markdown


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
