"""Income per head and the cost of living, out of the quarterly series. No bucket, no files: frames in, frames out."""

from __future__ import annotations

import pandas

# The series' real disposable income is in chained dollars of this year, so it is the year in which nominal and real
# are the same.
BASE_YEAR = 2005
UNITS = {
    "real_income_per_head": f"chained {BASE_YEAR} US dollars a year, mean of the quarters' annual rates",
    "nominal_income_per_head": "current US dollars a year, mean of the quarters' annual rates",
    "cost_of_living": f"consumer price index, all urban consumers, mean of {BASE_YEAR} = 100",
    "price_rise_percent": "consumer prices, last quarter of the decade against its first",
}
BILLIONS_PER_MILLION = 1000
QUARTERS_A_YEAR = 4


def adjust(quarters: pandas.DataFrame) -> pandas.DataFrame:
    """One row a quarter: year, quarter, real and nominal disposable income per head, and the cost-of-living index.

    ``quarters`` has year, quarter, realdpi (billions of chained 2005 dollars, annual rate), cpi (1982-84 = 100) and
    pop (millions). ``realdpi`` is in constant prices already: dividing it by prices again would deflate twice, so the
    nominal income is what is derived. (Its own deflator is that of personal consumption; consumer prices stand in for
    it.) Raises ValueError when a quarter of the base year is missing.
    """
    base = quarters.loc[quarters["year"] == BASE_YEAR, "cpi"]
    if len(base) != QUARTERS_A_YEAR:
        raise ValueError(f"the series has {len(base)} quarters of {BASE_YEAR}, the base year")
    index = quarters["cpi"] / base.mean() * 100
    real = quarters["realdpi"] * BILLIONS_PER_MILLION / quarters["pop"]
    return pandas.DataFrame(
        {
            "year": quarters["year"].astype(int),
            "quarter": quarters["quarter"].astype(int),
            "real_income_per_head": real,
            "nominal_income_per_head": real * index / 100,
            "cost_of_living": index,
        }
    )


def by_decade(adjusted: pandas.DataFrame) -> list[dict[str, float]]:
    """Means by decade, oldest first. The series' first and last decade are not whole: ``quarters`` is what there is."""
    ordered = adjusted.sort_values(["year", "quarter"])
    decades = ordered.groupby(ordered["year"] // 10 * 10)
    return [
        {
            "decade": int(decade),
            "quarters": len(rows),
            "real_income_per_head": round(float(rows["real_income_per_head"].mean()), 2),
            "nominal_income_per_head": round(float(rows["nominal_income_per_head"].mean()), 2),
            "cost_of_living": round(float(rows["cost_of_living"].mean()), 2),
            "price_rise_percent": round(
                float(rows["cost_of_living"].iloc[-1] / rows["cost_of_living"].iloc[0] - 1) * 100, 2
            ),
        }
        for decade, rows in decades
    ]
