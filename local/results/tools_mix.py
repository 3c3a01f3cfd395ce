"""The orders drawn again, by Python's own whole numbers, and added up by month and by region."""

from __future__ import annotations

import csv
import datetime
import io
import json
import statistics
from collections.abc import Iterable, Iterator

from local.results import Run

ORDERS, SEED, YEAR = 20_000, 2026, 2026
MULTIPLIER, INCREMENT, MODULUS = 6364136223846793005, 1442695040888963407, 1 << 64
# R writes four decimals.
TOLERANCE = 0.0001

Order = tuple[int, int, int, int]


def check(run: Run) -> list[str]:
    """Each file of the run."""
    expected = list(orders())
    return [
        *_same("orders.csv", _rows(run, "orders.csv"), ([float(field) for field in order] for order in expected)),
        *_same("by_month.csv", _rows(run, "by_month.csv"), by_month(expected)),
        *_same("by_region.csv", _rows(run, "by_region.csv"), by_region(expected)),
        *_summary(json.loads(run.bucket.get(f"{run.prefix}summary.json")), expected),
    ]


def orders() -> Iterator[Order]:
    """Number, day of the year, region, cents."""
    state = SEED

    def draw(below: int) -> int:
        nonlocal state
        state = (state * MULTIPLIER + INCREMENT) % MODULUS
        return (state >> 32) % below

    for number in range(1, ORDERS + 1):
        yield number, draw(365) + 1, draw(8), draw(99_900) + 100


def by_month(drawn: Iterable[Order]) -> list[list[float]]:
    """Month, orders, cents."""
    found: dict[int, list[int]] = {}
    for _, day, _, cents in drawn:
        month = (datetime.date(YEAR, 1, 1) + datetime.timedelta(days=day - 1)).month
        found.setdefault(month, []).append(cents)
    return [[month, len(all_), sum(all_)] for month, all_ in sorted(found.items())]


def by_region(drawn: Iterable[Order]) -> list[list[float]]:
    """Region, orders, cents, their median and standard deviation."""
    found: dict[int, list[int]] = {}
    for _, _, region, cents in drawn:
        found.setdefault(region, []).append(cents)
    return [
        [region, len(all_), sum(all_), statistics.median(all_), statistics.stdev(all_)]
        for region, all_ in sorted(found.items())
    ]


def _summary(found: object, drawn: list[Order]) -> list[str]:
    expected = {"orders": ORDERS, "cents": sum(cents for *_, cents in drawn)}
    return [] if found == expected else [f"summary.json is {found}, expected {expected}"]


def _rows(run: Run, name: str) -> list[list[float]]:
    lines = csv.reader(io.StringIO(run.bucket.get(f"{run.prefix}{name}").decode()))
    return [[float(field) for field in line] for number, line in enumerate(lines) if number]


def _same(name: str, found: list[list[float]], expected: Iterable[list[float]]) -> list[str]:
    right = list(expected)
    if len(found) != len(right):
        return [f"{name}: {len(found)} rows, expected {len(right)}"]
    return [
        f"{name}: row {one} should be {other}"
        for one, other in zip(found, right, strict=True)
        if len(one) != len(other) or any(abs(a - b) > TOLERANCE for a, b in zip(one, other, strict=True))
    ][:5]
