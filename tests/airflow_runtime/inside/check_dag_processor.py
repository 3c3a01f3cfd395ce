"""The real DAG processor: what it makes of a publication, a removal and a roll-back, and what a worker then loads."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

SECONDS = 60
# The settings of the platform, except that this one looks every second.
SETTINGS = {
    "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
    "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
    "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(
        [
            {
                "name": "published",
                "classpath": "airflow_runtime.published_bundle.PublishedBundle",
                "kwargs": {"bucket": "airflow", "prefix": "dags", "refresh_interval": 1},
            }
        ]
    ),
}
DAG_FILE = """
from airflow.sdk import dag, task

@dag(dag_id={dag_id!r}, schedule=None)
def example():
    @task(executor_config={{"number": {number}}})
    def only():
        return {number}
    only()

example()
"""


def dag_file(dag_id, number):
    return DAG_FILE.format(dag_id=dag_id, number=number)


@pytest.fixture
def processor(bucket, storage, tmp_path):
    """Start the processor; returns ``query(sql) -> rows`` over its metadata database."""
    database = tmp_path / "airflow.db"
    environment = {
        **os.environ,
        **SETTINGS,
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{database}",
    }
    airflow = [sys.executable, "-m", "airflow"]
    subprocess.run([*airflow, "db", "migrate"], env=environment, check=True, capture_output=True)
    log = (tmp_path / "processor.log").open("w")
    process = subprocess.Popen([*airflow, "dag-processor"], env=environment, stdout=log, stderr=subprocess.STDOUT)

    def query(sql):
        with closing(sqlite3.connect(database, timeout=10)) as connection:
            return connection.execute(sql).fetchall()

    def trigger(run_id):
        command = [*airflow, "dags", "trigger", "one", "--run-id", run_id]
        subprocess.run(command, env=environment, check=True, capture_output=True)

    query.trigger, query.environment = trigger, environment
    yield query
    process.terminate()
    process.wait(30)
    log.close()


def until(query, sql, expected, log: Path):
    end = time.monotonic() + SECONDS
    while (found := query(sql)) != expected:
        assert time.monotonic() < end, f"{sql}: {found}, expected {expected}\n{log.read_text()[-3000:]}"
        time.sleep(0.3)


def test_publication_removal_and_roll_back(bucket, processor, tmp_path):
    log = tmp_path / "processor.log"
    dags = "SELECT dag_id, is_stale, bundle_version FROM dag ORDER BY dag_id"
    serialized = "SELECT bundle_version, version_number FROM dag_version WHERE dag_id = 'one' ORDER BY version_number"
    runs = (
        "SELECT run_id, dag_run.bundle_version, dag_version.bundle_version FROM dag_run "
        "JOIN dag_version ON created_dag_version_id = dag_version.id ORDER BY run_id"
    )

    first = bucket.publish({"one.py": dag_file("one", 1), "two.py": dag_file("two", 1), ".airflowignore": "sources/\n"})
    until(processor, dags, [("one", 0, first), ("two", 0, first)], log)
    processor.trigger("run-of-first")

    # Within half a minute of the first: Airflow's default would keep the old serialized DAG under the new version.
    second = bucket.publish({"one.py": dag_file("one", 2)})
    until(processor, dags, [("one", 0, second), ("two", 1, first)], log)
    until(processor, serialized, [(first, 1), (second, 2)], log)
    processor.trigger("run-of-second")

    assert processor(runs) == [("run-of-first", first, first), ("run-of-second", second, second)]

    bucket.publish({"one.py": dag_file("one", 1), "two.py": dag_file("two", 1), ".airflowignore": "sources/\n"})
    until(processor, dags, [("one", 0, first), ("two", 0, first)], log)
    assert processor(runs) == [("run-of-first", first, first), ("run-of-second", second, second)]
    assert processor("SELECT count(*) FROM import_error") == [(0,)]

    for version, number in ((first, 1), (second, 2), (None, 1)):
        assert loaded_by_a_worker(processor.environment, version) == number


WORKER = """
import json, sys
from types import SimpleNamespace
import structlog
from airflow.executors.workloads.base import BundleInfo
from airflow.sdk.execution_time.comms import StartupDetails
from airflow.sdk.execution_time.task_runner import parse
from airflow.sdk.api.datamodels._generated import TaskInstance
ti = TaskInstance.model_construct(dag_id="one", task_id="only", run_id="r", try_number=1)
what = StartupDetails.model_construct(
    ti=ti, dag_rel_path="one.py", bundle_info=BundleInfo(name="published", version=json.loads(sys.argv[1])),
    ti_context=SimpleNamespace(max_tries=0), start_date=None, sentry_integration="",
)
print("number", parse(what, structlog.get_logger()).task.executor_config["number"])
"""


def loaded_by_a_worker(environment, version):
    """What the task runner finds in the DAG file for a run of that version."""
    done = subprocess.run(
        [sys.executable, "-c", WORKER, json.dumps(version)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.rpartition("number ")[2])
