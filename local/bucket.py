"""The stack's bucket, from the host: the node routes Service addresses."""

from __future__ import annotations

import base64
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from lightkube import Client
from lightkube.resources.core_v1 import Secret, Service

from infra import names
from infra.minio import NAME, PORT
from infra.settings import Settings
from local.waiting import GaveUp


def secret(client: Client, namespace: str, name: str) -> dict[str, str]:
    """The decoded values of a Secret."""
    data = client.get(Secret, name, namespace=namespace).data or {}
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def service_address(client: Client, namespace: str, name: str, port: int) -> str:
    """``http://<cluster address>:<port>`` of a Service."""
    live: Any = client.get(Service, name, namespace=namespace)
    return f"http://{live.spec.clusterIP}:{port}"


class Bucket:
    """Reads the whole bucket, with the store's own credentials. Raises GaveUp when the store does not answer."""

    def __init__(self, client: Client, settings: Settings) -> None:
        root = secret(client, settings.name, names.STORE_ROOT_SECRET)
        self._name = settings.object_store.bucket
        # The caller's own AWS profile is none of this store's business, and may not even exist.
        ours = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
        self._store: Any = boto3.Session(botocore_session=ours).client(
            "s3",
            endpoint_url=service_address(client, settings.name, NAME, PORT),
            region_name=settings.object_store.region,
            aws_access_key_id=root["user"],
            aws_secret_access_key=root["password"],
            config=Config(s3={"addressing_style": "path"}, proxies={}, connect_timeout=5, retries={"max_attempts": 3}),
        )

    def get(self, key: str) -> bytes:
        """An object's content. Raises GaveUp where there is none."""
        try:
            content: bytes = self._store.get_object(Bucket=self._name, Key=key)["Body"].read()
        except (BotoCoreError, ClientError) as error:
            raise GaveUp(f"s3://{self._name}/{key} cannot be read: {error}") from error
        return content

    def keys(self, prefix: str) -> dict[str, int]:
        """Key -> size in bytes of every object below a prefix."""
        try:
            pages = self._store.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix)
            return {one["Key"]: one["Size"] for page in pages for one in page.get("Contents", [])}
        except (BotoCoreError, ClientError) as error:
            raise GaveUp(f"s3://{self._name}/{prefix} cannot be listed: {error}") from error

    def published_version(self) -> str:
        """The version that Airflow is to serve: what ``dags/current`` names."""
        return self.get(f"{names.DAGS_PREFIX}/current").decode().strip()
