"""Spark computes, writes and reads Parquet, and the file-system shell lists it; no network, no bucket."""

import subprocess
import tempfile

from pyspark.sql import SparkSession

with tempfile.TemporaryDirectory() as folder:
    path = f"{folder}/numbers"
    with SparkSession.builder.appName("smoke").getOrCreate() as spark:
        spark.range(1000).write.parquet(f"file://{path}")
        total = spark.read.parquet(f"file://{path}").selectExpr("sum(id)").first()[0]
        loader = spark.sparkContext._jvm.Thread.currentThread().getContextClassLoader()
        loader.loadClass("org.apache.hadoop.fs.s3a.S3AFileSystem")
    listed = subprocess.run(["hadoop-fs", "-ls", path], check=True, capture_output=True, text=True).stdout
if total != 499500 or "_SUCCESS" not in listed:
    raise SystemExit(f"sum {total}, listing {listed}")
print("smoke: ok")
