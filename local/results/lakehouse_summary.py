"""The decades as Parquet, of what ``cost_of_living`` left."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import duckdb

from local.results import Run
from local.results.decades import differences

AFTER = ("cost_of_living",)


def check(run: Run) -> list[str]:
    """The file's rows against the decades."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as database:
        file = Path(folder, "decades.parquet")
        file.write_bytes(run.bucket.get(f"{run.prefix}decades.parquet"))
        table: Any = database.read_parquet(str(file))
        rows = [dict(zip(table.columns, row, strict=True)) for row in table.fetchall()]
    return differences(rows)
