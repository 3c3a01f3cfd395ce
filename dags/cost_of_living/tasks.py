"""The three tasks. Each writes below its run's prefix and returns the little that the next one, or a reader, needs."""

from __future__ import annotations

import io
import json

import bucket
import chart
import income
import pandas

DAG_ID = "cost_of_living"


def extract(run_id: str) -> dict[str, object]:
    """Write the US macroeconomic series that statsmodels ships (1959-2009, quarterly) to the bucket."""
    from statsmodels.datasets import macrodata

    quarters = macrodata.load_pandas().data
    key = f"{bucket.run_prefix(DAG_ID, run_id)}/macrodata.csv"
    bucket.put(key, quarters.to_csv(index=False).encode(), "text/csv")
    return {"key": key, "quarters": len(quarters)}


def adjust(run_id: str, key: str) -> dict[str, object]:
    """Derive income per head and the cost of living from the series under ``key``."""
    adjusted = income.adjust(pandas.read_csv(io.BytesIO(bucket.get(key))))
    result = f"{bucket.run_prefix(DAG_ID, run_id)}/adjusted.csv"
    bucket.put(result, adjusted.to_csv(index=False).encode(), "text/csv")
    return {"key": result, "quarters": len(adjusted), "base_year": income.BASE_YEAR}


def report(run_id: str, key: str) -> dict[str, object]:
    """Write summary and chart, then name this run's objects as the latest. Returns the newest whole decade's
    figures."""
    adjusted = pandas.read_csv(io.BytesIO(bucket.get(key)))
    decades = income.by_decade(adjusted)
    newest = [decade for decade in decades if decade["quarters"] == 10 * income.QUARTERS_A_YEAR][-1]
    prefix = bucket.run_prefix(DAG_ID, run_id)
    summary = {"base_year": income.BASE_YEAR, "units": income.UNITS, "decades": decades}
    objects = {"adjusted": key, "summary": f"{prefix}/summary.json", "chart": f"{prefix}/chart.png"}
    bucket.put(objects["summary"], _json(summary), "application/json")
    bucket.put(objects["chart"], chart.draw(adjusted), "image/png")
    # Last, and in one object: who reads it finds results that belong together.
    bucket.put(f"data/{DAG_ID}/latest.json", _json({"run_id": run_id, **objects}), "application/json")
    return {"summary": objects["summary"], "chart": objects["chart"], "newest_whole_decade": newest}


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2).encode()
