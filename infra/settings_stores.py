"""Where DAG files, logs and results lie, and where Airflow keeps its metadata: each one of several kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, SecretStr, Tag, model_validator
from pydantic_core import PydanticCustomError

from infra.settings_record import Record, Resources
from infra.settings_record import resources as amounts
from infra.settings_types import (
    Address,
    Authority,
    Bucket,
    DatabaseName,
    Filled,
    KeyArn,
    Memory,
    OidcProviderArn,
    PinnedImage,
    PolicyArn,
    Port,
    Region,
    ServerName,
    filled_secret,
)
from pipelines.text_forms import SecretName

StoreUser = Literal["airflow", "backup", "publisher", "tasks"]
Days = Annotated[int, Field(gt=0)]
FilledSecret = Annotated[SecretStr, AfterValidator(filled_secret)]
#: The places where a kind is chosen, and what is meant where none is.
DEFAULT_KINDS = {"objectStore": "minio", "database": "postgres"}
#: Key and meaning of what a database that exists is reached with.
PASSWORD = ("database.password", "the password of database.user on database.host")


class Store(Record):
    """What every object store has. Days: when logs and back-ups go, and what was overwritten or deleted."""

    region: Region = "us-east-1"
    log_days: Days = 90
    backup_days: Days = 30
    overwritten_days: Days = 7


class Tls(Record):
    """A certificate as cert-manager writes it: the Secret of Airflow's namespace with tls.crt and tls.key.

    ``authority`` is the PEM text of who signed it, where that is nobody whom images trust anyway.
    """

    secret: SecretName
    authority: Authority | None = None


class MinioStore(Store):
    """The MinIO-compatible store in the cluster: an image that holds ``minio`` and ``mc``, its bucket, its volume."""

    kind: Literal["minio"] = "minio"
    image: PinnedImage = "pgsty/silo:RELEASE.2026-09-16T00-00-00Z"
    bucket: Bucket = "airflow"
    volume: Memory = "10Gi"
    storage_class: str | None = None
    versioning: bool = True
    tls: Tls | None = None
    resources: Resources = amounts("50m", "256Mi", "2", "2Gi")


class S3Store(Store):
    """A bucket of S3 that this stack makes; pods reach it by the roles of their service accounts, with no key.

    ``oidc_provider`` is the one of the cluster. Without ``kms_key`` S3 encrypts with keys of its own.
    """

    kind: Literal["s3"]
    bucket: Bucket
    oidc_provider: OidcProviderArn
    kms_key: KeyArn | None = None
    permissions_boundary: PolicyArn | None = None


class StoreKeys(Record):
    """One log-in to an object store."""

    access_key: Filled
    secret_key: FilledSecret


def _complete(keys: Mapping[StoreUser, StoreKeys]) -> Mapping[StoreUser, StoreKeys]:
    if missing := sorted({"airflow", "publisher", "tasks"} - keys.keys()):
        raise ValueError(f"a log-in for each of airflow, publisher and tasks, not without {', '.join(missing)}")
    return keys


class EndpointStore(Store):
    """A bucket that exists, of any store with S3's interface. Its rules on age and access are its owner's.

    Without ``keys`` the Secrets ``object-store-<user>`` are there already, or will be put there by others.
    """

    kind: Literal["endpoint"]
    bucket: Bucket
    url: Address
    addressing: Literal["path", "virtual"] = "path"
    authority: Authority | None = None
    keys: Annotated[Mapping[StoreUser, StoreKeys], AfterValidator(_complete)] | None = None


class Pool(Record):
    """PgBouncer before the database: connections to the server, and from Airflow's processes."""

    size: Annotated[int, Field(gt=0)] = 20
    clients: Annotated[int, Field(gt=0)] = 200
    resources: Resources = amounts("50m", "64Mi", "1", "256Mi")


class Backup(Record):
    """A dump to the bucket before each migration; ``image`` holds pg_dump, no older than the server."""

    enabled: bool
    image: PinnedImage = "postgres:17.10-trixie"
    resources: Resources = amounts("50m", "256Mi", "2", "1Gi")


class PostgresDatabase(Record):
    """The Postgres that runs in the cluster."""

    kind: Literal["postgres"] = "postgres"
    image: PinnedImage = "postgres:17.10-trixie"
    volume: Memory = "5Gi"
    storage_class: str | None = None
    resources: Resources = amounts("50m", "256Mi", "2", "1Gi")
    pool: Pool | None = None
    backup: Backup = Backup(enabled=True)


class ExternalDatabase(Record):
    """A Postgres that exists: by host and password, or by a Secret of Airflow's namespace whose key ``connection``
    holds the whole URL.

    ``tls`` is libpq's sslmode; ``authority`` the PEM text of who signed the server's certificate.
    """

    kind: Literal["external"]
    host: ServerName | None = None
    port: Port = 5432
    name: DatabaseName = "airflow"
    user: DatabaseName = "airflow"
    password: FilledSecret | None = None
    secret: SecretName | None = None
    tls: Literal["disable", "require", "verify-ca", "verify-full"] = "require"
    authority: Authority | None = None
    pool: Pool | None = None
    backup: Backup = Backup(enabled=False)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.host and not self.secret and self.password is None:
            raise PydanticCustomError(*PASSWORD)
        if (self.host is None) == (self.secret is None) or (self.host is None) != (self.password is None):
            raise ValueError("host and password, or the secret that holds all")
        if self.secret and self.pool:
            raise ValueError("host and password where there is a pool: PgBouncer's own configuration holds them")
        if self.tls.startswith("verify") and self.authority is None:
            raise ValueError(f"the authority to verify the server with, where tls is {self.tls}")
        return self


def _kind_at(place: str) -> Discriminator:
    def kind(found: Any) -> str:
        told = found.get("kind") if isinstance(found, Mapping) else getattr(found, "kind", None)
        return DEFAULT_KINDS[place] if told is None else str(told)

    return Discriminator(kind)


ObjectStore = Annotated[
    Annotated[MinioStore, Tag("minio")] | Annotated[S3Store, Tag("s3")] | Annotated[EndpointStore, Tag("endpoint")],
    _kind_at("objectStore"),
]
Database = Annotated[
    Annotated[PostgresDatabase, Tag("postgres")] | Annotated[ExternalDatabase, Tag("external")], _kind_at("database")
]
#: Place and kind -> the record that stands there.
KINDS: Mapping[str, Mapping[str, type[Record]]] = {
    "objectStore": {"minio": MinioStore, "s3": S3Store, "endpoint": EndpointStore},
    "database": {"postgres": PostgresDatabase, "external": ExternalDatabase},
}
