"""The code of the two DAGs' tasks, with the libraries of their images, called the way a worker calls it."""

import csv
import json
import shutil
import sys
from decimal import Decimal
from pathlib import Path

import boto3
import duckdb
import pytest
from moto import mock_aws

from airflow_runtime.source import call

ROOT = Path(__file__).parents[3]
sys.path.append(str(ROOT))
# By its folder: the package around it wants libraries that the images lack.
sys.path.append(str(ROOT / "local" / "results"))
from decades import SERIES, differences  # noqa: E402

RUN = "manual__2026-01-02T03:04:05+00:00"


@pytest.fixture
def bucket(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("OBJECT_STORE_BUCKET", "airflow")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="airflow")
        yield client


@pytest.fixture
def run_task(tmp_path):
    """Call a task's entry out of a bundle's folder."""
    for folder in ("cost_of_living", "lakehouse_summary"):
        shutil.copytree(ROOT / "dags" / folder, tmp_path / "sources" / folder)
        shutil.copytree(ROOT / "dags/shared", tmp_path / "sources" / folder, dirs_exist_ok=True)
    return lambda dag_id, entry, **arguments: call(str(tmp_path / f"{dag_id}.py"), dag_id, entry, arguments)


def read(bucket, key):
    return bucket.get_object(Bucket="airflow", Key=key)["Body"].read()


def cost_of_living(run_task, run_id=RUN):
    extracted = run_task("cost_of_living", "tasks:extract", run_id=run_id)
    adjusted = run_task("cost_of_living", "tasks:adjust", run_id=run_id, key=extracted["key"])
    return extracted, adjusted, run_task("cost_of_living", "tasks:report", run_id=run_id, key=adjusted["key"])


def test_the_series_in_the_bucket_is_the_one_the_expectations_are_made_of(bucket, run_task):
    extracted = run_task("cost_of_living", "tasks:extract", run_id=RUN)
    assert extracted["quarters"] == 203
    found = csv.DictReader(read(bucket, extracted["key"]).decode().splitlines())
    expected = csv.DictReader(line for line in SERIES.read_text().splitlines() if not line.startswith("#"))
    for row, right in zip(found, expected, strict=True):
        assert {key: float(row[key]) for key in right} == {key: float(value) for key, value in right.items()}


def test_the_summary_holds_the_numbers_that_plain_arithmetic_finds(bucket, run_task):
    *_, report = cost_of_living(run_task)
    summary = json.loads(read(bucket, report["summary"]))
    assert differences(summary["decades"]) == []
    assert summary["base_year"] == 2005
    assert report["newest_whole_decade"] == summary["decades"][-2]
    assert report["newest_whole_decade"]["decade"] == 1990


def test_real_income_is_not_deflated_again(bucket, run_task):
    adjusted = cost_of_living(run_task)[1]
    rows = [
        {key: float(value) for key, value in row.items()}
        for row in csv.DictReader(read(bucket, adjusted["key"]).decode().splitlines())
    ]
    assert rows[0]["real_income_per_head"] == pytest.approx(1886.9 / 177.146 * 1000)
    assert rows[0]["nominal_income_per_head"] < rows[0]["real_income_per_head"]
    base = [row for row in rows if row["year"] == 2005]
    assert sum(row["cost_of_living"] for row in base) / 4 == pytest.approx(100)
    nominal, real = (sum(row[f"{kind}_income_per_head"] for row in base) for kind in ("nominal", "real"))
    assert nominal == pytest.approx(real, rel=1e-3)


def test_the_chart_is_a_picture(bucket, run_task):
    report = cost_of_living(run_task)[2]
    picture = read(bucket, report["chart"])
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert (int.from_bytes(picture[16:20], "big"), int.from_bytes(picture[20:24], "big")) == (1080, 720)


def test_parquet_holds_the_same_decades(bucket, run_task, tmp_path):
    cost_of_living(run_task)
    summary = run_task("lakehouse_summary", "tasks:summarise", run_id="another")
    assert (summary["read_run"], summary["decades"]) == (RUN, 6)
    file = tmp_path / "decades.parquet"
    file.write_bytes(read(bucket, summary["key"]))
    result = duckdb.read_parquet(str(file))
    rows = [dict(zip(result.columns, row, strict=True)) for row in result.fetchall()]
    assert differences(rows, Decimal("0.000001")) == []


def test_a_repeated_run_writes_the_same_objects_again(bucket, run_task):
    def objects():
        found = bucket.list_objects_v2(Bucket="airflow")["Contents"]
        return {item["Key"]: item["ETag"] for item in found}

    cost_of_living(run_task)
    once = objects()
    cost_of_living(run_task)
    assert objects() == once
    assert len(once) == 5


def test_runs_do_not_share_objects_and_the_newest_is_the_latest(bucket, run_task):
    for run_id in ("a/b", "a%2Fb", "a b"):
        cost_of_living(run_task, run_id)
        latest = json.loads(read(bucket, "data/cost_of_living/latest.json"))
        assert latest["run_id"] == run_id
    found = bucket.list_objects_v2(Bucket="airflow", Prefix="data/cost_of_living/runs/")["KeyCount"]
    assert found == 3 * 4


def test_a_task_that_dies_on_the_way_leaves_the_latest_results_alone(bucket, run_task):
    cost_of_living(run_task, "good")
    broken = run_task("cost_of_living", "tasks:extract", run_id="broken")["key"]
    head = b"year,quarter,realdpi,cpi,pop\n"
    bucket.put_object(Bucket="airflow", Key=broken, Body=head + b"2005,1,9000,190,290\n")
    with pytest.raises(ValueError, match="1 quarters of 2005, the base year"):
        run_task("cost_of_living", "tasks:adjust", run_id="broken", key=broken)
    year = b"".join(b"2005,%d,9000,190,290\n" % quarter for quarter in (1, 2, 3, 4))
    bucket.put_object(Bucket="airflow", Key=broken, Body=head + year)
    adjusted = run_task("cost_of_living", "tasks:adjust", run_id="broken", key=broken)
    with pytest.raises(IndexError):
        run_task("cost_of_living", "tasks:report", run_id="broken", key=adjusted["key"])
    assert json.loads(read(bucket, "data/cost_of_living/latest.json"))["run_id"] == "good"
