"""The decades once more, as a Parquet file: what ``cost_of_living`` left in the bucket, aggregated by duckdb."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import bucket

DAG_ID = "lakehouse_summary"
INPUT = "data/cost_of_living/latest.json"
BY_DECADE = """
SELECT
    year // 10 * 10 AS decade,
    count(*) AS quarters,
    avg(real_income_per_head) AS real_income_per_head,
    avg(nominal_income_per_head) AS nominal_income_per_head,
    avg(cost_of_living) AS cost_of_living
FROM read_csv($file, header = true)
GROUP BY decade
ORDER BY decade
"""


def summarise(run_id: str) -> dict[str, object]:
    """Aggregate the latest adjusted series by decade and write ``decades.parquet``. Returns its key, and which run was
    read."""
    # Only this task's own image has it: the DAG processor, which reads this folder's neighbour, does not.
    import duckdb

    latest = json.loads(bucket.get(INPUT))
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as database:
        adjusted, decades = Path(folder, "adjusted.csv"), Path(folder, "decades.parquet")
        adjusted.write_bytes(bucket.get(latest["adjusted"]))
        result = database.sql(BY_DECADE, params={"file": str(adjusted)})
        result.write_parquet(str(decades))
        rows = database.read_parquet(str(decades)).fetchall()
        content = decades.read_bytes()
    key = f"{bucket.run_prefix(DAG_ID, run_id)}/decades.parquet"
    bucket.put(key, content, "application/vnd.apache.parquet")
    bucket.put(
        f"data/{DAG_ID}/latest.json", json.dumps({"run_id": run_id, "decades": key}).encode(), "application/json"
    )
    return {"key": key, "read_run": latest["run_id"], "decades": len(rows)}
