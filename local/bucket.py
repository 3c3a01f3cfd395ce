"""The stack's bucket, from the host: the node routes Service addresses."""

from __future__ import annotations

import base64
import tempfile
import weakref
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from lightkube import Client
from lightkube.resources.core_v1 import Secret, Service

from infra import names, object_store
from infra.minio import NAME, PORT
from infra.settings import Settings
from infra.settings_stores import MinioStore, S3Store
from local.named_server import NamedServer
from local.waiting import GaveUp


def secret(client: Client, namespace: str, name: str) -> dict[str, str]:
    """The decoded values of a Secret."""
    data = client.get(Secret, name, namespace=namespace).data or {}
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def service_address(client: Client, namespace: str, name: str, port: int) -> str:
    """``http://<cluster address>:<port>`` of a Service."""
    return f"http://{_cluster_address(client, namespace, name)}:{port}"


def _cluster_address(client: Client, namespace: str, name: str) -> str:
    live: Any = client.get(Service, name, namespace=namespace)
    address: str = live.spec.clusterIP
    return address


class Bucket:
    """Reads the bucket. Raises GaveUp when the store does not answer, or refuses.

    A store in the cluster is asked with its own credentials, for all of the bucket; an endpoint with those that the
    cluster's Secrets hold for publication, for what is below ``dags/``; S3 with the caller's own, whatever boto3 finds.
    """

    def __init__(self, client: Client, settings: Settings) -> None:
        self._name = settings.object_store.bucket
        authority = _authority(settings)
        if authority:
            # Not before: it is read at each connection.
            weakref.finalize(self, authority.unlink, missing_ok=True)
        self._store = _store(client, settings, str(authority) if authority else None)

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


def _store(client: Client, settings: Settings, authority: str | None) -> Any:
    store = settings.object_store
    if isinstance(store, S3Store):
        # A session of its own: the default one keeps the log-in that it found first.
        return boto3.Session().client("s3", region_name=store.region, config=Config(connect_timeout=5))
    if isinstance(store, MinioStore):
        return _in_cluster(client, settings.name, store, authority)
    held = secret(client, settings.name, names.STORE_PUBLISHER_SECRET)
    log_in = (held.get("AWS_ACCESS_KEY_ID", ""), held.get("AWS_SECRET_ACCESS_KEY", ""))
    return _at(store.url, store.region, *log_in, store.addressing, authority)


def _in_cluster(client: Client, namespace: str, store: MinioStore, authority: str | None) -> Any:
    held = secret(client, namespace, names.STORE_ROOT_SECRET)
    log_in = (store.region, held["user"], held["password"], "path", authority)
    if store.tls is None:
        return _at(service_address(client, namespace, NAME, PORT), *log_in)
    # The certificate is for the name that pods ask for, which the host cannot resolve.
    name = f"{NAME}.{namespace}.svc"
    found = _at(f"https://{name}:{PORT}", *log_in)
    server = NamedServer(name, _cluster_address(client, namespace, NAME), PORT, authority)
    found.meta.events.register("before-send.s3", server)
    return found


def _at(address: str, region: str, user: str, password: str, addressing: str, authority: str | None) -> Any:
    # The caller's own AWS profile is none of this store's business, and may not even exist.
    ours = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
    return boto3.Session(botocore_session=ours).client(
        "s3",
        endpoint_url=address,
        region_name=region,
        aws_access_key_id=user,
        aws_secret_access_key=password,
        verify=authority,
        config=Config(s3={"addressing_style": addressing}, proxies={}, connect_timeout=5, retries={"max_attempts": 3}),
    )


def _authority(settings: Settings) -> Path | None:
    """A file with the certificate to trust, where the store's is of nobody whom boto3 trusts anyway."""
    for text in object_store.authority(settings.object_store).values():
        with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False) as file:
            file.write(text)
        return Path(file.name)
    return None
