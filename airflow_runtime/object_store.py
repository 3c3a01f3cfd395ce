"""The bucket, as Airflow's processes reach it. boto3 is imported when the bucket is first needed: most task processes
never do."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Where the DAG files are published to when nothing says otherwise.
DEFAULT_PREFIX = "dags"
CONNECT_SECONDS = 3
READ_SECONDS = 20
MISSING = {"NoSuchKey", "404"}
DENIED = {"AccessDenied", "403"}


class StoreError(Exception):
    """The object store did not answer, or refused; the message names bucket, key and endpoint, never a credential."""


class ObjectStore:
    """Objects of one bucket below one prefix.

    ``settings`` are keyword arguments of ``boto3.client``; ``attempts`` counts the first try too.
    """

    def __init__(self, bucket: str, prefix: str, settings: Mapping[str, Any], attempts: int) -> None:
        self.bucket, self.prefix = bucket, prefix.strip("/")
        self._settings, self._attempts = dict(settings), attempts
        self._client: Any = None

    def get(self, name: str) -> bytes | None:
        """The object's bytes, None when there is no such object. Raises StoreError."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return self.client.get_object(Bucket=self.bucket, Key=self.key(name))["Body"].read()
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code")
            # S3 denies a key that is not there to whoever may list no more than a prefix.
            if code in MISSING or (code in DENIED and self._is_absent(name)):
                return None
            raise self._explained("read", name, error) from None
        except BotoCoreError as error:
            raise self._explained("read", name, error) from None

    def put(self, name: str, content: bytes) -> None:
        """Write one object, in one PUT. Raises StoreError."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self.client.put_object(Bucket=self.bucket, Key=self.key(name), Body=content)
        except (BotoCoreError, ClientError) as error:
            raise self._explained("write", name, error) from None

    def upload(self, file: Path, name: str) -> None:
        """Write one object of any size from a file. Raises StoreError."""
        from boto3.exceptions import S3UploadFailedError
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self.client.upload_file(str(file), self.bucket, self.key(name))
        except (BotoCoreError, ClientError, S3UploadFailedError) as error:
            raise self._explained("write", name, error) from None

    def download(self, name: str, file: Path) -> None:
        """Read one object of any size into a file. Raises StoreError."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self.client.download_file(self.bucket, self.key(name), str(file))
        except (BotoCoreError, ClientError) as error:
            raise self._explained("read", name, error) from None

    def listing(self, folder: str) -> dict[str, Any]:
        """``file name -> LastModified`` (datetime) of the objects in a folder. Raises StoreError."""
        from botocore.exceptions import BotoCoreError, ClientError

        start = self.key(f"{folder}/" if folder else "")
        try:
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=start, Delimiter="/"
            )
            return {
                item["Key"][len(start) :]: item["LastModified"] for page in pages for item in page.get("Contents", ())
            }
        except (BotoCoreError, ClientError) as error:
            raise self._explained("list", folder, error) from None

    def delete(self, name: str) -> None:
        """Remove one object; one that is not there is no error. Raises StoreError."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self.client.delete_object(Bucket=self.bucket, Key=self.key(name))
        except (BotoCoreError, ClientError) as error:
            raise self._explained("delete", name, error) from None

    def key(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name

    def _is_absent(self, name: str) -> bool:
        folder, _, file = name.rpartition("/")
        return file not in self.listing(folder)

    @property
    def client(self) -> Any:
        if self._client is None:
            try:
                self._client = self._new_client()
            except (ValueError, TypeError) as error:
                raise StoreError(f"the settings of the object store are wrong: {error}") from None
        return self._client

    def _new_client(self) -> Any:
        import boto3
        from botocore.config import Config

        settings = dict(self._settings)
        given = settings.pop("config_kwargs", None) or {}
        addressing = {"s3": {"addressing_style": "path"}} if settings.get("endpoint_url") else {}
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": self._attempts},
            # Stores other than S3 need not know the newer checksum headers.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ).merge(Config(**{**addressing, **given}))
        # A session of its own: boto3's default one is shared, and not safe to share between threads.
        return boto3.session.Session().client("s3", config=config, **settings)

    def _explained(self, verb: str, name: str, error: Exception) -> StoreError:
        endpoint = self._settings.get("endpoint_url") or "S3"
        return StoreError(f"cannot {verb} s3://{self.bucket}/{self.key(name)} at {endpoint}: {error}")


def connection_settings(conn_id: str) -> dict[str, Any]:
    """Client settings out of ``AIRFLOW_CONN_<CONN_ID>``, in Airflow's JSON form.

    The variable is read here and not through Airflow, so that a worker needs neither database nor API to find its own
    code. Raises StoreError when it is absent or is not a connection of type aws.
    """
    variable = f"AIRFLOW_CONN_{conn_id.upper()}"
    text = os.environ.get(variable)
    if not text:
        raise StoreError(f"{variable} is not set: the connection {conn_id!r} comes from the environment, in JSON form")
    try:
        connection = json.loads(text)
        extra = connection.get("extra") or {}
        extra = json.loads(extra) if isinstance(extra, str) else extra
        kind = connection["conn_type"]
    except (ValueError, KeyError, AttributeError, TypeError):
        # The text holds the password: nothing of it may reach a message.
        raise StoreError(f"{variable} is not a connection in JSON form") from None
    if kind != "aws":
        raise StoreError(f"{variable} has conn_type {kind!r}, expected 'aws'")
    found = {
        "aws_access_key_id": connection.get("login"),
        "aws_secret_access_key": connection.get("password"),
        **{key: extra.get(key) for key in ("endpoint_url", "region_name", "verify", "config_kwargs")},
    }
    return {key: value for key, value in found.items() if value is not None}


def environment_settings(environment: Mapping[str, str]) -> dict[str, Any]:
    """Client settings out of AWS_ENDPOINT_URL_S3 and AWS_REGION; boto3 itself finds the keys, and a cluster's own
    identity."""
    found = {"endpoint_url": environment.get("AWS_ENDPOINT_URL_S3"), "region_name": environment.get("AWS_REGION")}
    return {key: value for key, value in found.items() if value}
