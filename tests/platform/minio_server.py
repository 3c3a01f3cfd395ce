"""A MinIO of its own for a test, on the host, from the platform's binaries."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.object_store_policies import USERS, User, document
from local.certificates import Authority, Identity
from local.machine import Machine
from local.waiting import wait

READY_SECONDS = 30


@dataclass
class Minio:
    """A server with one bucket; ``password`` is that of root and of every user, ``trusted`` who signed its
    certificate, where it has one."""

    machine: Machine
    address: str
    home: Path
    password: str
    bucket: str
    trusted: Path | None = None

    def mc(self, *arguments: str, text: str = "") -> None:
        host = self.address.replace("://", f"://root:{self.password}@")
        environment = {**os.environ, "MC_HOST_store": host, "MC_CONFIG_DIR": str(self.home / "mc")}
        environment |= {"SSL_CERT_FILE": str(self.trusted)} if self.trusted else {}
        command = [str(self.machine.tool("mc")), "--quiet", *arguments]
        done = subprocess.run(command, env=environment, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def allow(self, user: User) -> None:
        """Give a user these rights and no others."""
        file = self.home / f"{user.name}.json"
        # A statement without an action is none.
        statements = [
            one for one in user.statements(self.bucket) if one["Action"] and one.get("Condition") != _nothing()
        ]
        file.write_text(document(statements))
        self.mc("admin", "policy", "create", "store", user.name, str(file))

    def settings(self, user: str) -> dict[str, Any]:
        return {
            "endpoint_url": self.address,
            "region_name": "us-east-1",
            "aws_access_key_id": user,
            "aws_secret_access_key": self.password,
        }

    def client(self, user: str) -> Any:
        config = Config(s3={"addressing_style": "path"}, proxies={}, retries={"max_attempts": 0})
        verify = str(self.trusted) if self.trusted else None
        return boto3.session.Session().client("s3", config=config, verify=verify, **self.settings(user))

    def add_users(self) -> None:
        """Every user of the bucket, with the rights that the product gives it."""
        for user in USERS:
            self.allow(user)
            self.mc("admin", "user", "add", "store", text=f"{user.name}\n{self.password}\n")
            self.mc("admin", "policy", "attach", "store", user.name, "--user", user.name)


def _nothing() -> dict[str, Any]:
    return {"StringLike": {"s3:prefix": []}}


@contextmanager
def minio_server(
    machine: Machine, home: Path, bucket: str, host: str = "127.0.0.1", authority: Authority | None = None
) -> Iterator[Minio]:
    """The server, with the bucket, for as long as it is needed; pods reach it where ``host`` is the node's address.

    With an ``authority`` it has a certificate of theirs, and answers to nothing but TLS.
    """
    with socket.socket() as free:
        free.bind((host, 0))
        address = f"{host}:{free.getsockname()[1]}"
    password = secrets.token_hex(20)
    environment = {**os.environ, "MINIO_ROOT_USER": "root", "MINIO_ROOT_PASSWORD": password, "HOME": str(home)}
    command = [str(machine.tool("minio")), "server", str(home / "data"), "--address", address, "--quiet"]
    if authority:
        certificates = home / "certificates"
        certificates.mkdir()
        key, certificate = halves(authority.issue("object-store", Identity("object-store", names=(host,))))
        (certificates / "private.key").write_text(key)
        (certificates / "public.crt").write_text(certificate)
        command += ["--certs-dir", str(certificates)]
    scheme, trusted = ("https", authority.certificate) if authority else ("http", None)
    with (home / "log").open("wb") as log, subprocess.Popen(command, env=environment, stdout=log, stderr=log) as server:
        try:
            found = Minio(machine, f"{scheme}://{address}", home, password, bucket, trusted)
            root = found.client("root")
            wait("MinIO", lambda: _refusal(root), READY_SECONDS)
            root.create_bucket(Bucket=bucket)
            yield found
        finally:
            server.terminate()


def halves(file: Path) -> tuple[str, str]:
    """Private key and certificate of what an authority has issued."""
    key, begin, certificate = file.read_text().partition("-----BEGIN CERTIFICATE-----")
    return key, begin + certificate


def _refusal(client: Any) -> str | None:
    try:
        client.list_buckets()
    except (BotoCoreError, ClientError) as error:
        return str(error)
    return None
