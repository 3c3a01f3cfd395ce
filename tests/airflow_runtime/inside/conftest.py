import json
from types import SimpleNamespace

import boto3
import pytest
from moto.server import ThreadedMotoServer

from airflow_runtime.object_store import ObjectStore
from airflow_runtime.publish import Publication, publish
from airflow_runtime.tree import File, tree_hash

BUCKET = "airflow"


@pytest.fixture(scope="session")
def endpoint():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint, monkeypatch):
    """An empty bucket; ``publish(files)`` publishes DAG files (path -> text) and returns their version."""
    settings = {"endpoint_url": endpoint, "region_name": "us-east-1"}
    login = {"aws_access_key_id": "key", "aws_secret_access_key": "hush"}
    client = boto3.client("s3", **settings, **login)
    if BUCKET in [found["Name"] for found in client.list_buckets()["Buckets"]]:
        for item in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            client.delete_object(Bucket=BUCKET, Key=item["Key"])
    else:
        client.create_bucket(Bucket=BUCKET)
    connection = {"conn_type": "aws", "login": "key", "password": "hush", "extra": settings}
    monkeypatch.setenv("AIRFLOW_CONN_OBJECT_STORE", json.dumps(connection))
    store = ObjectStore(BUCKET, "dags", {**settings, **login}, 1)

    def publish_files(files: dict[str, str]) -> str:
        tree = {path: File(False, text.encode()) for path, text in files.items()}
        version = tree_hash(tree)
        publish(Publication(version, tree, {}), store)
        return version

    return SimpleNamespace(client=client, store=store, publish=publish_files, settings={**settings, **login})


@pytest.fixture
def storage(tmp_path, monkeypatch):
    """A storage folder for bundles of its own."""
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(tmp_path / "bundles"))
    (tmp_path / "bundles").mkdir()
    return tmp_path / "bundles"
