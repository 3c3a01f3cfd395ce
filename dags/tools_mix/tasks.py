"""What Java and R made of the same orders, side by side."""

from __future__ import annotations

import csv
import io
import json

import bucket


def compare(prefix: str) -> dict[str, int]:
    """Write ``summary.json``; raises ValueError where the sums by month and by region are not the same."""
    months, regions = (_sums(bucket.get(f"{prefix}/{name}.csv").decode()) for name in ("by_month", "by_region"))
    if months != regions:
        raise ValueError(f"by month there are {months}, by region {regions}")
    bucket.put(f"{prefix}/summary.json", json.dumps(months).encode(), "application/json")
    return months


def _sums(text: str) -> dict[str, int]:
    rows = list(csv.DictReader(io.StringIO(text)))
    return {"orders": sum(int(row["orders"]) for row in rows), "cents": sum(int(row["cents"]) for row in rows)}
