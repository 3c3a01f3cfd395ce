"""The publication Job's command, against a real S3 protocol and a real metadata database."""

import os
import subprocess
import sys

from airflow.models.dagrun import DagRun
from airflow.utils.state import DagRunState, State
from sqlalchemy import Column, MetaData, Table, create_engine

from airflow_runtime.publish import versions_of_unfinished_runs
from airflow_runtime.tree import File, pack, tree_hash


def publish(bucket, tmp_path, **more):
    archive, tree = tmp_path / "tree.tar.gz", {"a_dag.py": File(False, b"number = 1\n")}
    archive.write_bytes(pack({f"tree/{path}": file for path, file in tree.items()}))
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ["PYTHONPATH"],
        "PUBLICATION_ARCHIVE": str(archive),
        "PUBLICATION_VERSION": tree_hash(tree),
        "OBJECT_STORE_BUCKET": "airflow",
        "AWS_ENDPOINT_URL_S3": bucket.settings["endpoint_url"],
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "hush",
        **more,
    }
    done = subprocess.run(
        [sys.executable, "-m", "airflow_runtime.publish"], env=environment, capture_output=True, text=True
    )
    assert "hush" not in done.stdout + done.stderr
    return tree_hash(tree), done


def test_the_version_is_published(bucket, tmp_path):
    version, done = publish(bucket, tmp_path)
    assert done.returncode == 0, done.stderr
    assert bucket.store.get("current") == f"{version}\n".encode()
    assert "nothing removed, no metadata database" in done.stdout


def test_a_database_that_is_away_removes_nothing_and_shows_no_password(bucket, tmp_path):
    version, done = publish(
        bucket, tmp_path, AIRFLOW_METADATA_CONNECTION="postgresql+psycopg2://airflow:hush@127.0.0.1:1/airflow"
    )
    assert done.returncode == 0, done.stderr
    assert bucket.store.get("current") == f"{version}\n".encode()
    assert "nothing removed, the metadata database could not be asked" in done.stdout


def test_a_store_that_is_away_is_exit_code_one(bucket, tmp_path):
    _, done = publish(bucket, tmp_path, AWS_ENDPOINT_URL_S3="http://127.0.0.1:1")
    assert done.returncode == 1
    assert done.stderr.startswith("not published: cannot write s3://airflow/dags/versions/")
    assert "Traceback" not in done.stderr


def test_unfinished_runs_name_their_versions(tmp_path):
    url = f"sqlite:///{tmp_path}/airflow.db"
    engine = create_engine(url)
    columns = [
        Column("state", DagRun.__table__.c.state.type),
        Column("bundle_version", DagRun.__table__.c.bundle_version.type),
    ]
    table = Table(DagRun.__tablename__, MetaData(), *columns)
    table.create(engine)
    with engine.begin() as connection:
        runs = [
            *((state, state.value) for state in DagRunState),
            (DagRunState.RUNNING, None),
            (DagRunState.RUNNING, "running"),
        ]
        connection.execute(table.insert(), [{"state": state, "bundle_version": version} for state, version in runs])
    finished = {state.value for state in State.finished_dr_states}
    assert versions_of_unfinished_runs(url) == {state.value for state in DagRunState} - finished


def test_a_database_that_cannot_tell_keeps_everything(tmp_path, capsys):
    assert versions_of_unfinished_runs(f"sqlite:///{tmp_path}/empty.db") is None
    assert "no such table: dag_run" in capsys.readouterr().out
    assert versions_of_unfinished_runs("no url") is None
