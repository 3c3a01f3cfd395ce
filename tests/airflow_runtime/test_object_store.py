import json

import pytest

from airflow_runtime.object_store import ObjectStore, StoreError, connection_settings, environment_settings

EXTRA = {
    "endpoint_url": "http://store:9000",
    "region_name": "us-east-1",
    "config_kwargs": {"s3": {"addressing_style": "path"}},
}


@pytest.mark.parametrize("extra", [EXTRA, json.dumps(EXTRA)])
def test_a_connection_becomes_the_settings_of_a_client(monkeypatch, extra):
    connection = {"conn_type": "aws", "login": "key", "password": "pass", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_OBJECT_STORE", json.dumps(connection))
    assert connection_settings("object_store") == {"aws_access_key_id": "key", "aws_secret_access_key": "pass", **EXTRA}


def test_without_login_the_clusters_own_identity_is_used(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_OBJECT_STORE", '{"conn_type": "aws"}')
    assert connection_settings("object_store") == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "aws://key:hush@",
        '{"login": "hush"}',
        '"hush"',
        '["hush"]',
        '{"conn_type": "aws", "extra": "hush"}',
        '{"conn_type": "hush!"}',
    ],
)
def test_a_bad_connection_names_the_variable_and_never_its_content(monkeypatch, text):
    monkeypatch.setenv("AIRFLOW_CONN_OBJECT_STORE", text)
    with pytest.raises(StoreError, match="AIRFLOW_CONN_OBJECT_STORE") as caught:
        connection_settings("object_store")
    assert "hush" not in str(caught.value) or "hush!" in text


@pytest.mark.slow
def test_a_store_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    settings = environment_settings({"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1", "AWS_REGION": "us-east-1"})
    with pytest.raises(StoreError, match=r"cannot read s3://airflow/dags/current at http://127\.0\.0\.1:1") as caught:
        ObjectStore("airflow", "dags", settings, 1).get("current")
    assert "hush" not in str(caught.value)


def test_wrong_settings_are_said():
    with pytest.raises(StoreError, match="settings of the object store"):
        ObjectStore("airflow", "dags", {"endpoint_url": "no url", "region_name": "us-east-1"}, 1).get("current")
