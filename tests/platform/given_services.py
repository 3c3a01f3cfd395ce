"""What a stack finds: a store and a Postgres that others run, both with certificates of one authority."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightkube import ApiError, Client
from lightkube.codecs import from_dict
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import Namespace

from local.certificates import Authority, Identity
from local.cluster import kubectl
from local.kubernetes_client import namespace_annotations
from local.machine import Machine
from local.progress import Progress
from local.waiting import wait
from local.workloads import wait_for_rollout
from tests.platform.minio_server import Minio, halves, minio_server

#: Every pod's gateway: what listens there is reached from all of them.
NODE = "10.244.0.1"
POSTGRES_SECONDS, GONE_SECONDS = 120, 300
CERTIFICATES, CONFIGURATION = "/run/secrets/tls", "/run/configuration"
#: Nobody gets in without TLS.
ACCESS = "local all all trust\nhostssl all all all scram-sha-256\n"


@dataclass(frozen=True)
class Postgres:
    """A Postgres in a namespace of its own, whose log tells where each connection comes from."""

    machine: Machine
    namespace: str
    password: str

    @property
    def host(self) -> str:
        return f"postgres.{self.namespace}.svc"

    def query(self, statement: str, host: str = "", port: int = 5432, database: str = "airflow") -> str:
        """What the server answers, or another one that takes the same log-in; as text."""
        log_in = ["sh", "-c", 'PGPASSWORD=$(cat /run/secrets/postgres/password) exec psql "$@"', "psql"]
        options = ["--username=airflow", "--no-align", "--tuples-only", f"--port={port}", f"--dbname={database}"]
        options += [*([f"--host={host}"] if host else []), f"--command={statement}"]
        where = ("--namespace", self.namespace, "exec", "postgres-0", "--")
        return kubectl(self.machine, *where, *log_in, *options).strip()

    def clients(self) -> set[str]:
        """The addresses that anybody has ever logged in from."""
        logged = kubectl(self.machine, "--namespace", self.namespace, "logs", "postgres-0").splitlines()
        return {line.split()[0] for line in logged if "connection authorized" in line}


@dataclass(frozen=True)
class Given:
    """The store, the database, and the PEM text of who signed their certificates."""

    store: Minio
    database: Postgres
    authority: str


@contextlib.contextmanager
def given_services(machine: Machine, client: Client, stack: str, folder: Path) -> Iterator[Given]:
    """Both, for as long as they are needed."""
    issuer = Authority(folder / "authority")
    issuer.ensure()
    home = folder / "minio"
    home.mkdir()
    with (
        minio_server(machine, home, f"acme-{stack}", NODE, issuer) as store,
        _postgres(machine, client, f"airflow-{stack}-given", issuer) as database,
    ):
        store.add_users()
        yield Given(store, database, issuer.certificate.read_text())


@contextlib.contextmanager
def _postgres(machine: Machine, client: Client, namespace: str, issuer: Authority) -> Iterator[Postgres]:
    found = Postgres(machine, namespace, secrets.token_urlsafe(24))
    remove(client, namespace)
    client.create(Namespace.from_dict({"metadata": {"name": namespace}}))
    try:
        for manifest in _manifests(found, issuer):
            client.create(from_dict(manifest))
        wait_for_rollout(client, StatefulSet, "postgres", namespace, POSTGRES_SECONDS, Progress().doing)
        yield found
    finally:
        remove(client, namespace)


def _manifests(server: Postgres, issuer: Authority) -> Iterator[dict[str, Any]]:
    labels = {"app": "postgres"}
    metadata = {"name": "postgres", "namespace": server.namespace}
    key, certificate = halves(issuer.issue(server.namespace, Identity(server.host, names=(server.host,))))
    for name, content in (
        ("postgres", {"password": server.password}),
        ("postgres-tls", {"tls.crt": certificate, "tls.key": key}),
    ):
        named = {**metadata, "name": name}
        yield {"apiVersion": "v1", "kind": "Secret", "metadata": named, "stringData": content}
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"pg_hba.conf": ACCESS}}
    service = {"selector": labels, "ports": [{"port": 5432}]}
    yield {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service}
    pod = {"metadata": {"labels": labels}, "spec": _pod()}
    spec = {"serviceName": "postgres", "selector": {"matchLabels": labels}, "template": pod}
    yield {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec}


def _pod() -> dict[str, Any]:
    variables = {"POSTGRES_USER": "airflow", "POSTGRES_DB": "airflow", "PGDATA": "/data/pgdata"}
    variables |= {"POSTGRES_INITDB_ARGS": "--encoding=UTF8", "POSTGRES_PASSWORD_FILE": "/run/secrets/postgres/password"}
    options = {
        "ssl": "on",
        "ssl_cert_file": f"{CERTIFICATES}/tls.crt",
        "ssl_key_file": f"{CERTIFICATES}/tls.key",
        "hba_file": f"{CONFIGURATION}/pg_hba.conf",
        "log_connections": "on",
        "log_line_prefix": "%h ",
    }
    # The owner is root: Postgres takes a key that its group may read then, and no more.
    volumes: dict[str, tuple[str, dict[str, Any]]] = {
        "data": ("/data", {"emptyDir": {}}),
        "password": ("/run/secrets/postgres", {"secret": {"secretName": "postgres"}}),
        "tls": (CERTIFICATES, {"secret": {"secretName": "postgres-tls", "defaultMode": 0o440}}),
        "configuration": (CONFIGURATION, {"configMap": {"name": "postgres"}}),
    }
    container = {
        "name": "postgres",
        "image": "postgres:17.10-trixie",
        "args": ["postgres", *(word for name, value in options.items() for word in ("-c", f"{name}={value}"))],
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "readinessProbe": {
            "exec": {"command": ["pg_isready", "--host=127.0.0.1", "--username=airflow", "--quiet"]},
            "periodSeconds": 2,
        },
        "volumeMounts": [{"name": name, "mountPath": path} for name, (path, _) in volumes.items()],
    }
    return {
        "securityContext": {"runAsUser": 999, "runAsGroup": 999, "fsGroup": 999},
        "containers": [container],
        "volumes": [{"name": name, **source} for name, (_, source) in volumes.items()],
    }


def remove(client: Client, *names: str) -> None:
    """Delete namespaces, and wait until they are gone."""
    for name in names:
        with contextlib.suppress(ApiError):
            client.delete(Namespace, name)
    wait(
        "namespaces to go",
        lambda: ", ".join(name for name in names if namespace_annotations(client, name) is not None) or None,
        GONE_SECONDS,
    )
