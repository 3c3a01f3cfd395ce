"""The readings: the same ones wherever they are made, by arithmetic of whole numbers alone."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession

COUNT = 400_000
FIRST_DAY = "2024-01-01"


def made(spark: SparkSession) -> DataFrame:
    """Columns: reading (0 .. COUNT - 1), station (0..36), day, tenths (of a degree, -250 .. 399)."""
    return spark.range(COUNT).selectExpr(
        "id AS reading",
        "CAST(id * 7919 % 37 AS INT) AS station",
        f"DATE_ADD(DATE '{FIRST_DAY}', CAST(id * 104729 % 731 AS INT)) AS day",
        "id * id * 31 % 650 - 250 AS tenths",
    )
