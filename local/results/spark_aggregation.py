"""Readings by station and month, worked out reading by reading in whole numbers; Spark's Parquet is read by duckdb."""

from __future__ import annotations

import datetime
import json
import tempfile
from pathlib import Path

import duckdb

from local.results import Run

READINGS, STATIONS, DAYS = 400_000, 37, 731
FIRST_DAY = datetime.date(2024, 1, 1)
COLUMNS = ("station", "month", "readings", "tenths", "least", "greatest")

Row = tuple[object, ...]


def check(run: Run) -> list[str]:
    """The one file that the committed try holds, against all readings; and the listing names that file."""
    result = json.loads(run.bucket.get(f"{run.prefix}result.json"))
    prefix = str(result["path"]).removeprefix("s3a://").partition("/")[2]
    # s3a marks a folder by an object of its name.
    keys = [key for key in run.bucket.keys(f"{prefix}/") if not key.endswith("/")]
    parts = [key for key in keys if key.endswith(".parquet")]
    if len(parts) != 1 or f"{prefix}/_SUCCESS" not in keys or len(keys) != 2:
        return [f"below {prefix} there should be one part and _SUCCESS, there is {', '.join(keys) or 'nothing'}"]
    listing = run.bucket.get(f"{run.prefix}listing.txt").decode()
    wrong = [] if parts[0] in listing else [f"listing.txt does not name {parts[0]}"]
    return [*wrong, *differences(_read(run.bucket.get(parts[0])))]


def expected_rows() -> list[Row]:
    """A row a station and month, of the columns above."""
    found: dict[tuple[int, str], list[int]] = {}
    for reading in range(READINGS):
        day = FIRST_DAY + datetime.timedelta(days=reading * 104729 % DAYS)
        group = (reading * 7919 % STATIONS, f"{day.year}-{day.month:02}")
        found.setdefault(group, []).append(reading * reading * 31 % 650 - 250)
    return [(*group, len(all_), sum(all_), min(all_), max(all_)) for group, all_ in sorted(found.items())]


def differences(rows: list[Row]) -> list[str]:
    """What is wrong with rows of the columns above, in any order."""
    expected, found = set(expected_rows()), set(rows)
    if len(rows) != len(expected):
        return [f"{len(rows)} rows, expected {len(expected)}"]
    return [f"row {row} should not be there" for row in sorted(found - expected, key=str)[:5]]


def _read(parquet: bytes) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as database:
        file = Path(folder, "part.parquet")
        file.write_bytes(parquet)
        return database.read_parquet(str(file)).select(*COLUMNS).fetchall()
