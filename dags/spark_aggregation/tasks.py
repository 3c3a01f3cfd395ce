"""Readings of weather stations, made and aggregated by Spark. Each task returns where it wrote."""

from __future__ import annotations

import json
import os

import bucket
import readings
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

DAG_ID = "spark_aggregation"


def measure(run_id: str, attempt: int) -> dict[str, object]:
    """Write the readings as Parquet, in four parts."""
    path = _s3a(f"{bucket.run_prefix(DAG_ID, run_id)}/readings/{attempt}")
    with _session("measure") as spark:
        readings.made(spark).repartition(4, "reading").write.parquet(path)
    return {"path": path, "readings": readings.COUNT}


def aggregate(run_id: str, attempt: int, measured: str) -> dict[str, object]:
    """Write what is below ``measured`` by station and month as one Parquet file, and name it in ``result.json``."""
    prefix = bucket.run_prefix(DAG_ID, run_id)
    path = _s3a(f"{prefix}/by_station/{attempt}")
    with _session("aggregate") as spark:
        by_station(spark.read.parquet(measured)).coalesce(1).write.parquet(path)
        rows = spark.read.parquet(path).count()
    result = {"path": path, "rows": rows, "listing": _s3a(f"{prefix}/listing.txt")}
    bucket.put(f"{prefix}/result.json", json.dumps(result).encode(), "application/json")
    return result


def by_station(measured: DataFrame) -> DataFrame:
    """Count, sum, least and greatest of each station and month."""
    tenths = f.col("tenths")
    return (
        measured.groupBy("station", f.date_format("day", "yyyy-MM").alias("month"))
        .agg(
            f.count("*").alias("readings"),
            f.sum(tenths).alias("tenths"),
            f.min(tenths).alias("least"),
            f.max(tenths).alias("greatest"),
        )
        .orderBy("station", "month")
    )


def _session(name: str) -> SparkSession:
    return SparkSession.builder.appName(f"{DAG_ID} {name}").getOrCreate()


def _s3a(key: str) -> str:
    return f"s3a://{os.environ['OBJECT_STORE_BUCKET']}/{key}"
