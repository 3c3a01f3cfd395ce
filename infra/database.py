"""Airflow's metadata database: Postgres in the cluster, on a volume."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from infra import jobs, names, secrets
from infra.restricted import POSTGRES
from infra.settings import Database as DatabaseSettings
from infra.stateful import StoreArguments, store

NAME = "postgres"
PORT = 5432
DATABASE = "airflow"
USER = "airflow"


@dataclass(frozen=True)
class DatabaseArguments:
    """Where it runs, the stack's choices, and what secrets' fingerprints are keyed with."""

    namespace: pulumi.Output[str]
    settings: DatabaseSettings
    fingerprint_key: pulumi.Output[str]


class Database(pulumi.ComponentResource):
    """Server, Service, volume, password, and the Secret ``airflow-metadata`` with the connection that Airflow takes."""

    fingerprint: pulumi.Output[str]
    ready: tuple[pulumi.Resource, ...]

    def __init__(self, arguments: DatabaseArguments, opts: pulumi.ResourceOptions) -> None:
        super().__init__("de-airflow-pipeline:infra:Database", "database", None, opts)
        child = pulumi.ResourceOptions(parent=self)
        password = secrets.password("postgres-password", child)
        self.fingerprint = secrets.fingerprint(arguments.fingerprint_key, password)
        password_secret = secrets.secret(
            names.POSTGRES_SECRET, arguments.namespace, names.POSTGRES_SECRET, {"password": password}, child
        )
        connection = pulumi.Output.all(arguments.namespace, password).apply(
            lambda parts: f"postgresql://{USER}:{parts[1]}@{NAME}.{parts[0]}.svc:{PORT}/{DATABASE}"
        )
        metadata = secrets.secret(
            names.METADATA_SECRET, arguments.namespace, names.METADATA_SECRET, {"connection": connection}, child
        )
        after = pulumi.ResourceOptions(parent=self, depends_on=[password_secret])
        server, _ = store(NAME, _server(arguments), after)
        self.ready = (server, metadata)
        self.register_outputs({})


def _server(arguments: DatabaseArguments) -> StoreArguments:
    def probe(period: int, threshold: int) -> k8s.core.v1.ProbeArgs:
        # Over TCP: during its first start the server listens on its socket only, while it initialises itself.
        command = ["pg_isready", "--host=127.0.0.1", f"--username={USER}", f"--dbname={DATABASE}", "--quiet"]
        return k8s.core.v1.ProbeArgs(
            exec_=k8s.core.v1.ExecActionArgs(command=command),
            period_seconds=period,
            timeout_seconds=5,
            failure_threshold=threshold,
        )

    return StoreArguments(
        namespace=arguments.namespace,
        image=arguments.settings.image,
        identity=POSTGRES,
        resources=arguments.settings.resources,
        port=PORT,
        volume=arguments.settings.volume,
        storage_class=arguments.settings.storage_class,
        data_path="/var/lib/postgresql/data",
        environment=jobs.plain(
            {
                "POSTGRES_USER": USER,
                "POSTGRES_DB": DATABASE,
                "POSTGRES_PASSWORD_FILE": "/run/secrets/postgres/password",
                "POSTGRES_INITDB_ARGS": "--encoding=UTF8",
                "PGDATA": "/var/lib/postgresql/data/pgdata",
            }
        ),
        mounts=[
            jobs.secret_files("password", "/run/secrets/postgres", names.POSTGRES_SECRET),
            jobs.scratch("socket", "/var/run/postgresql"),
            jobs.scratch("tmp", "/tmp"),  # noqa: S108 - an emptyDir
        ],
        # The password is read once, when the volume is empty: nothing to restart for.
        annotations={},
        ready=probe(2, 6),
        live=probe(30, 10),
    )
