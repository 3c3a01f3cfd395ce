"""Airflow's metadata database: Postgres in the cluster, on a volume, or one that exists; pooled where asked for."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

import pulumi
import pulumi_kubernetes as k8s

from infra import jobs, names, pgbouncer, secrets
from infra.restricted import POSTGRES
from infra.settings_stores import ExternalDatabase, PostgresDatabase
from infra.stateful import StoreArguments, store

NAME = "postgres"
PORT = 5432
DATABASE = "airflow"
USER = "airflow"
#: Where every pod of Airflow's finds the authority that signed the server's certificate, among the runtime's files.
AUTHORITY_FILE = "database-authority.pem"
AUTHORITY_PATH = f"{names.RUNTIME_PATH}/{AUTHORITY_FILE}"
DIRECT, ASYNCHRONOUS = "connection", "async"


@dataclass(frozen=True)
class DatabaseArguments:
    """Where Airflow runs, the stack's choices, and what secrets' fingerprints are keyed with."""

    namespace: pulumi.Output[str]
    settings: PostgresDatabase | ExternalDatabase
    fingerprint_key: pulumi.Output[str]


@dataclass(frozen=True)
class Server:
    """Where a Postgres listens and how to log in; the password is secret."""

    host: pulumi.Input[str]
    port: int
    name: str
    user: str
    password: pulumi.Input[str]
    tls: str | None = None
    authority: str | None = None

    def connection(self, scheme: str = "postgresql") -> pulumi.Output[str]:
        """SQLAlchemy's URL. asyncpg knows the mode by another name, and the authority from PGSSLROOTCERT only."""
        mode = "ssl" if scheme.endswith("asyncpg") else "sslmode"
        query = f"?{mode}={self.tls}" if self.tls else ""
        if self.authority and mode == "sslmode":
            query += f"&sslrootcert={self.authority}"
        log_in = f"{scheme}://{quote(self.user, safe='')}"
        rest = f"{self.port}/{quote(self.name, safe='')}{query}"
        return pulumi.Output.all(self.host, self.password).apply(
            lambda parts: f"{log_in}:{quote(parts[1], safe='')}@{parts[0]}:{rest}"
        )

    def variables(self) -> dict[str, pulumi.Input[str]]:
        """What Postgres' own programs read. https://www.postgresql.org/docs/current/libpq-envars.html"""
        found: dict[str, pulumi.Input[str]] = {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGDATABASE": self.name,
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
        }
        tls = {"PGSSLMODE": self.tls} if self.tls else {}
        return {**found, **tls, **({"PGSSLROOTCERT": self.authority} if self.authority else {})}


class Database(pulumi.ComponentResource):
    """The server, where it runs in the cluster, and the Secrets with the connections.

    ``secret`` holds the connection to the server itself, ``airflow_secret`` the one for Airflow's own processes:
    through PgBouncer, where there is one. ``variables_secret`` is for Postgres' own programs.
    """

    secret: str
    airflow_secret: str
    variables_secret: str
    fingerprint: pulumi.Output[str]
    ready: tuple[pulumi.Resource, ...]

    def __init__(self, arguments: DatabaseArguments, opts: pulumi.ResourceOptions) -> None:
        super().__init__("de-airflow-pipeline:infra:Database", "database", None, opts)
        child = pulumi.ResourceOptions(parent=self)
        settings, key = arguments.settings, arguments.fingerprint_key
        self.secret = self.airflow_secret = names.METADATA_SECRET
        self.variables_secret = names.DATABASE_SECRET
        if isinstance(settings, ExternalDatabase) and settings.secret:
            self.secret = self.airflow_secret = self.variables_secret = settings.secret
            # What others change shows by no restart.
            self.fingerprint, self.ready = secrets.fingerprint(key), ()
        else:
            server, password, ready = (
                _external(settings) if isinstance(settings, ExternalDatabase) else _postgres(arguments, settings, child)
            )
            self.fingerprint = secrets.fingerprint(key, password)
            self.ready = (*ready, *self._secrets(arguments, server, child))
        self.register_outputs({})

    def _secrets(
        self, arguments: DatabaseArguments, server: Server, opts: pulumi.ResourceOptions
    ) -> tuple[pulumi.Resource, ...]:
        connections: dict[str, pulumi.Input[str]] = {DIRECT: server.connection()}
        if server.tls:
            connections[ASYNCHRONOUS] = server.connection("postgresql+asyncpg")
        wanted: dict[str, dict[str, pulumi.Input[str]]] = {
            names.METADATA_SECRET: connections,
            names.DATABASE_SECRET: server.variables(),
        }
        if pool := arguments.settings.pool:
            self.airflow_secret = names.POOLED_SECRET
            at = arguments.namespace.apply(lambda namespace: f"{names.PGBOUNCER}.{namespace}.svc")
            pooled = Server(at, pgbouncer.PORT, server.name, server.user, server.password)
            wanted |= {
                names.POOLED_SECRET: {
                    DIRECT: pooled.connection(),
                    **({ASYNCHRONOUS: pooled.connection("postgresql+asyncpg")} if server.tls else {}),
                },
                names.PGBOUNCER_SECRET: pgbouncer.files(
                    server.host,
                    server.port,
                    server.name,
                    server.user,
                    server.password,
                    pool,
                    server.tls,
                    server.authority,
                ),
                names.PGBOUNCER_STATISTICS_SECRET: {
                    DIRECT: Server(
                        "127.0.0.1", pgbouncer.PORT, "pgbouncer", server.user, server.password, "disable"
                    ).connection()
                },
            }
        return tuple(secrets.secret(name, arguments.namespace, name, data, opts) for name, data in wanted.items())


def authority(settings: PostgresDatabase | ExternalDatabase) -> dict[str, str]:
    """File name -> PEM text of the authority to trust, for the files that Airflow's pods mount."""
    found = settings.authority if isinstance(settings, ExternalDatabase) else None
    return {AUTHORITY_FILE: found} if found else {}


def authority_path(settings: PostgresDatabase | ExternalDatabase) -> str | None:
    """Where Airflow's pods find the authority."""
    return AUTHORITY_PATH if authority(settings) else None


def _external(settings: ExternalDatabase) -> tuple[Server, pulumi.Output[str], tuple[pulumi.Resource, ...]]:
    password = pulumi.Output.secret(settings.password.get_secret_value() if settings.password else "")
    where = AUTHORITY_PATH if settings.authority else None
    host = settings.host or ""
    return Server(host, settings.port, settings.name, settings.user, password, settings.tls, where), password, ()


def _postgres(
    arguments: DatabaseArguments, settings: PostgresDatabase, opts: pulumi.ResourceOptions
) -> tuple[Server, pulumi.Output[str], tuple[pulumi.Resource, ...]]:
    password = secrets.password("postgres-password", opts)
    password_secret = secrets.secret(
        names.POSTGRES_SECRET, arguments.namespace, names.POSTGRES_SECRET, {"password": password}, opts
    )
    after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[password_secret]))
    workload, _ = store(NAME, _server(arguments.namespace, settings), after)
    host = arguments.namespace.apply(lambda namespace: f"{NAME}.{namespace}.svc")
    return Server(host, PORT, DATABASE, USER, password), password, (workload,)


def _server(namespace: pulumi.Output[str], settings: PostgresDatabase) -> StoreArguments:
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
        namespace=namespace,
        image=settings.image,
        identity=POSTGRES,
        resources=settings.resources,
        port=PORT,
        volume=settings.volume,
        storage_class=settings.storage_class,
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
