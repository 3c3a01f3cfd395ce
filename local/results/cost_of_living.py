"""The decades as JSON, and a chart."""

from __future__ import annotations

import json

from local.results import Run
from local.results.decades import differences

PNG = b"\x89PNG\r\n"


def check(run: Run) -> list[str]:
    """The report against the decades, and whether the chart is a picture."""
    chart = run.bucket.get(f"{run.prefix}chart.png")
    wrong = [] if chart.startswith(PNG) else ["chart.png is no PNG"]
    return [*wrong, *differences(json.loads(run.bucket.get(f"{run.prefix}summary.json"))["decades"])]
