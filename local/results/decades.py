"""What the two DAGs should find, worked out from the series itself and by other means than theirs: no pandas, no
duckdb, none of their code."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path

SERIES = Path(__file__).with_suffix(".csv")
BASE_YEAR = 2005


@dataclass(frozen=True)
class Decade:
    """Means over a decade's quarters: dollars a year and head, real ones of 2005; consumer prices with 2005 = 100."""

    decade: int
    quarters: int
    real_income_per_head: Decimal
    nominal_income_per_head: Decimal
    cost_of_living: Decimal


def expected_decades() -> tuple[Decade, ...]:
    """Every decade of the series, oldest first.

    Real income is given, in billions of dollars of 2005 and millions of heads. A dollar of 2005 was worth ``cpi /
    (mean cpi of 2005)`` dollars of the quarter: that is the nominal income, and the index over a hundred.
    """
    with SERIES.open(newline="") as lines:
        rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    dollar_of_base_year = _mean([Decimal(row["cpi"]) for row in rows if int(row["year"]) == BASE_YEAR])
    decades: dict[int, list[tuple[Decimal, Decimal]]] = {}
    for row in rows:
        real = Decimal(row["realdpi"]) * 10**9 / (Decimal(row["pop"]) * 10**6)
        prices = Decimal(row["cpi"]) / dollar_of_base_year
        decades.setdefault(int(row["year"]) // 10 * 10, []).append((real, prices))
    return tuple(
        Decade(
            decade=decade,
            quarters=len(quarters),
            real_income_per_head=_mean([real for real, _ in quarters]),
            nominal_income_per_head=_mean([real * prices for real, prices in quarters]),
            cost_of_living=_mean([100 * prices for _, prices in quarters]),
        )
        for decade, quarters in sorted(decades.items())
    )


def differences(found: Sequence[Mapping[str, object]], tolerance: Decimal = Decimal("0.006")) -> list[str]:
    """What is wrong with rows that should be the expected decades, one sentence each; the report rounds to two
    decimals.

    Rows are mappings with Decade's field names; further keys are no error.
    """
    expected = expected_decades()
    if len(found) != len(expected):
        return [f"{len(found)} decades, expected {len(expected)}"]
    wrong = []
    for row, decade in zip(found, expected, strict=True):
        for field in fields(Decade):
            right, got = Decimal(getattr(decade, field.name)), row.get(field.name)
            if got is None or abs(Decimal(str(got)) - right) > tolerance:
                wrong.append(f"{decade.decade}s: {field.name} is {got}, expected {right:.2f}")
    return wrong


def _mean(values: Sequence[Decimal]) -> Decimal:
    return sum(values, Decimal(0)) / len(values)
