"""The differences between the two charts as the Markdown of docs/stand-in-chart.md."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping

from local.chart.accepted import reason
from local.chart.objects import Difference

UNEXPLAINED = "**not explained**"
LONGEST = 90
INTRODUCTION = """\
# The stand-in chart beside the official one

Where Airflow's Helm chart 1.22.0 cannot be downloaded, the one-machine platform installs
`local/chart/airflow-stand-in`. It takes the values that `infra/airflow_values.py` emits and refuses every other.
This table holds every difference between the objects that the two charts render from the values of the dev stack, with
both settings of its executors. Order, unset fields and Kubernetes' own defaults do not count.
`.venv/bin/python -m local.chart.compare <folder of the official chart> --write` writes this file.

"""


def markdown(found: Mapping[str, Iterable[Difference]], objects: Iterable[str]) -> str:
    """The page. `found`: executor setting -> differences; `objects`: names of all objects that either chart renders."""
    settings = tuple(found)
    rows: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for setting in settings:
        for difference in found[setting]:
            rows[_row(difference)].add(setting)
    lines = [
        INTRODUCTION + f"Objects compared: {', '.join(f'`{name}`' for name in sorted(objects))}.",
        "",
        "| Object | Field | Chart 1.22.0 | Stand-in | Executors | Why |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for (name, field, official, stand_in, why), where in sorted(rows.items()):
        executors = "both" if len(where) == len(settings) else ", ".join(f"`{setting}`" for setting in sorted(where))
        lines.append(f"| `{name}` | {field} | {official} | {stand_in} | {executors} | {why} |")
    return "\n".join(lines) + "\n"


def _row(difference: Difference) -> tuple[str, ...]:
    field = f"`{difference.field}`" if difference.field else "the object"
    shown = (_cell(difference.official, difference.field), _cell(difference.stand_in, difference.field))
    return (difference.object, field, *shown, reason(difference) or UNEXPLAINED)


def _cell(value: str | None, field: str) -> str:
    if value is None:
        return "absent"
    # The value of a hash changes with every edit of a chart; that there is one does not.
    if "checksum/" in field:
        return "a hash"
    text = value
    if len(value) > LONGEST:
        text = f"{value[:LONGEST]}... ({hashlib.sha256(value.encode()).hexdigest()[:8]})"
    return "`" + text.replace("|", "\\|").replace("\n", "\\n") + "`"
