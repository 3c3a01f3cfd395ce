"""What runs in the cluster against a store that checks requests as S3 does: moto, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from airflow_runtime import backup, publish
from airflow_runtime.object_store import ObjectStore, StoreError, environment_settings
from airflow_runtime.tree import File, pack, tree_hash

#: moto takes seconds to import.
pytestmark = pytest.mark.slow
MOMENT = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
#: What clients of a bucket on S3 are given: no key, no endpoint. The keys stand for what a role gives a pod.
CLIENT = {"AWS_REGION": "eu-central-1", "OBJECT_STORE_BUCKET": "lake"}
ROLE = {"AWS_ACCESS_KEY_ID": "role", "AWS_SECRET_ACCESS_KEY": "role", "AWS_SESSION_TOKEN": "role"}


@pytest.fixture(autouse=True)
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ROLE.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        client = boto3.client("s3", region_name="eu-central-1")
        client.create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        client.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
        yield client


def store(prefix: str) -> ObjectStore:
    return ObjectStore("lake", prefix, environment_settings(CLIENT), 1)


def keys(client: Any) -> set[str]:
    return {one["Key"] for one in client.list_objects_v2(Bucket="lake").get("Contents", ())}


def test_a_version_is_published_and_served(bucket: Any) -> None:
    tree = {"a.py": File(False, b"print()")}
    version = tree_hash(tree)
    publish.publish(publish.Publication(version, tree, {}), store("dags"))
    assert keys(bucket) == {f"dags/versions/{version}.tar.gz", "dags/current"}
    assert store("dags").get("current") == f"{version}\n".encode()
    assert store("dags").get(f"versions/{version}.tar.gz") == pack(tree)
    assert store("dags").get("versions/none.tar.gz") is None


def test_what_is_removed_from_a_versioned_bucket_is_gone_for_its_readers(bucket: Any) -> None:
    dags = store("dags")
    dags.put("versions/a.tar.gz", b"a")
    dags.delete("versions/a.tar.gz")
    assert dags.get("versions/a.tar.gz") is None
    assert dags.listing("versions") == {}


def dump(folder: Path, content: bytes, revision: str | None = "1a2b3c") -> Path:
    (folder / "dump").write_bytes(content)
    if revision:
        (folder / "revision").write_text(f"{revision}\n")
    return folder


def test_a_dump_goes_to_the_bucket_and_comes_back(tmp_path: Path, bucket: Any) -> None:
    # More than one part of a multipart upload.
    content = b"0123456789abcdef" * 600_000
    backups = store("backups")
    key = backup.write(backups, dump(tmp_path, content), MOMENT)
    assert key == "backups/20260203T040506Z-1a2b3c.dump"
    assert keys(bucket) == {key}
    assert backup.names(backups) == [key]
    back = tmp_path / "back"
    back.mkdir()
    backup.read(backups, back, key)
    assert (back / "dump").read_bytes() == content


def test_a_database_without_a_schema_leaves_nothing(tmp_path: Path, bucket: Any) -> None:
    assert backup.write(store("backups"), dump(tmp_path, b"", revision=None), MOMENT) is None
    assert keys(bucket) == set()


@pytest.mark.parametrize("key", ["dags/current", "backups/../dags/current", "backups/a/b.dump", "current"])
def test_only_dumps_are_read(tmp_path: Path, key: str) -> None:
    with pytest.raises(StoreError, match="is not the key of a dump"):
        backup.read(store("backups"), tmp_path, key)


@pytest.mark.parametrize(
    ("words", "more", "said"),
    [
        (["read"], {"BACKUP_KEY": "backups/none.dump"}, "cannot read s3://lake/backups/none.dump"),
        (["write"], {"OBJECT_STORE_BUCKET": "nobody-s"}, "cannot write s3://nobody-s/backups/"),
    ],
)
def test_a_failure_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], more: dict[str, str], said: str
) -> None:
    assert backup.main(words, {**CLIENT, **more}, dump(tmp_path, b"x")) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"failed: {said}")
    assert error.count("\n") == 1


def test_the_job_s_own_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dump(tmp_path, b"x")
    assert backup.main(["write"], CLIENT, tmp_path) == 0
    (key,) = backup.names(store("backups"))
    assert backup.main(["list"], CLIENT, tmp_path) == 0
    assert backup.main(["read"], {**CLIENT, "BACKUP_KEY": key}, tmp_path) == 0
    assert capsys.readouterr().out == f"wrote s3://lake/{key}\n{key}\nread s3://lake/{key}\n"
