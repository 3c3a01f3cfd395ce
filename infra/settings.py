"""One stack's settings: frozen records with a default wherever a sound one exists.

Keys are camelCase in ``Pulumi.<stack>.yaml`` and snake_case here. An unknown key is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from infra.settings_access import Access
from infra.settings_availability import Availability
from infra.settings_network import Network
from infra.settings_record import Amounts, Quota, Record, Resources, resources
from infra.settings_secrets import ConnectionText, SecretName, TaskSecret
from infra.settings_stores import Database, EndpointStore, MinioStore, ObjectStore, PostgresDatabase
from infra.settings_types import (
    ChartRepository,
    ConnectionId,
    Digest,
    Email,
    Filled,
    MirrorName,
    Name,
    ObjectName,
    PinnedImage,
    PythonVersion,
    RegistryServer,
    RepositoryPart,
    TaggedImage,
    UserName,
    VariableKey,
    Version,
    filled_secret,
)
from infra.sizes import DEFAULT_SIZE, Size
from pipelines import releases
from pipelines.text_forms import PoolName

PROJECT = "de-airflow-pipeline"

Executor = Literal["KubernetesExecutor", "LocalExecutor"]


def _distinct(executors: tuple[Executor, ...]) -> tuple[Executor, ...]:
    if not executors or len(set(executors)) != len(executors):
        raise ValueError("at least one executor, each at most once")
    return executors


def _one_a_server(credentials: tuple[RegistryCredential, ...]) -> tuple[RegistryCredential, ...]:
    if len({credential.server for credential in credentials}) != len(credentials):
        raise ValueError("one log-in a server")
    return credentials


def _numbered(keys: tuple[int, ...]) -> tuple[int, ...]:
    if not keys or len(set(keys)) != len(keys):
        raise ValueError("at least one number, each at most once, the key to encrypt with first")
    return keys


FernetKeys = Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(strict=False), AfterValidator(_numbered)]


class Kubernetes(Record):
    """The cluster that the stack belongs to."""

    context: Filled


class Namespaces(Record):
    """Quotas of Airflow's namespace and of the one for task pods; others by the stack's size (infra/sizes.py)."""

    core_quota: Quota = Quota(
        pods=60, requests=Amounts(cpu="4", memory="16Gi"), limits=Amounts(cpu="60", memory="64Gi")
    )
    tasks_quota: Quota = Quota(
        pods=40, requests=Amounts(cpu="4", memory="16Gi"), limits=Amounts(cpu="80", memory="64Gi")
    )


class Components(Record):
    """Resources of Airflow's components; others by the stack's size (infra/sizes.py)."""

    api_server: Resources = resources("100m", "512Mi", "2", "2Gi")
    scheduler: Resources = resources("100m", "512Mi", "2", "3Gi")
    dag_processor: Resources = resources("100m", "384Mi", "2", "2Gi")
    triggerer: Resources = resources("50m", "256Mi", "1", "1Gi")
    worker: Resources = resources("100m", "384Mi", "2", "2Gi")
    jobs: Resources = resources("50m", "256Mi", "2", "2Gi")


class Pool(Record):
    """A pool of Airflow's. ``includeDeferred`` counts deferred tasks too: pod tasks are, while their pod runs."""

    slots: Annotated[int, Field(gt=0)]
    description: str = ""
    include_deferred: bool = True


class Metrics(Record):
    """Counts and times of Airflow's as Prometheus reads them, at port 9102 of ``airflow-statsd``."""

    image: TaggedImage = "quay.io/prometheus/statsd-exporter:v0.30.0"
    resources: Resources = resources("20m", "64Mi", "200m", "128Mi")


class Airflow(Record):
    """Airflow's version, the executors (the first one is the default), who administers it, and what DAGs may name.

    ``cleanup`` removes what pods of ended tasks the executor has left, every quarter of an hour.
    ``fernet_keys`` numbers the generated keys that the database is encrypted with: the first one encrypts, all of them
    decrypt; ``stacks rotate-fernet`` counts on.
    A connection is a URI, or a JSON object with Airflow's own keys: ``conn_type``, ``host``, ``login``, ...
    """

    version: Version = releases.AIRFLOW
    python: PythonVersion = releases.PYTHON
    repository: str = releases.AIRFLOW_REPOSITORY
    executors: Annotated[tuple[Executor, ...], Field(strict=False), AfterValidator(_distinct)] = (
        "KubernetesExecutor",
        "LocalExecutor",
    )
    admin_user: UserName = "admin"
    fernet_keys: Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(strict=False), AfterValidator(_numbered)] = (
        1,
    )
    connections: Mapping[ConnectionId, ConnectionText] = Field(default_factory=dict)
    variables: Mapping[VariableKey, str] = Field(default_factory=dict)
    pools: Mapping[PoolName, Pool] = Field(default_factory=dict)
    availability: Availability = Availability()
    cleanup: bool = False
    metrics: Metrics | None = None
    parallelism: Annotated[int, Field(gt=0)] = 16
    components: Components = Components()

    @property
    def tag(self) -> str:
        return f"{self.version}-python{self.python}"

    @property
    def image(self) -> str:
        return releases.airflow_image(self.version, self.python, self.repository)


class Chart(Record):
    """Where Airflow's chart comes from: a repository (``https://`` or ``oci://``), or a folder or archive when ``path``
    is set; ``digest`` is the archive's sha256, which it must have."""

    version: Version = releases.CHART
    repository: ChartRepository = "https://airflow.apache.org"
    path: str | None = None
    digest: Digest | None = None
    timeout_seconds: Annotated[int, Field(gt=0)] = 900
    atomic: bool = False


class Registry(Record):
    """Where the images live: ``<server>/<owner>/<prefix>-<type>``.

    ``certificate_authority`` is the file, in PEM form, of who signed the server's certificate, where no machine knows
    them by itself. Nodes and builder must be told apart from it.
    """

    server: RegistryServer
    owner: RepositoryPart
    prefix: RepositoryPart = PROJECT
    certificate_authority: Filled | None = None

    @property
    def authority(self) -> Path | None:
        return Path(self.certificate_authority) if self.certificate_authority else None


class RegistryCredential(Record):
    """One log-in of the pull secret."""

    server: RegistryServer
    username: Filled
    password: Annotated[SecretStr, AfterValidator(filled_secret)]
    email: Email | None = None


class Images(Record):
    """How images come to be: built by this stack with the named buildx builder, or promoted from another stack.

    ``promotion`` is the file that says which, ``promotions/<stack>.yaml`` where nothing else is said.
    ``base_digests`` pins the images of others that ours stand on, tag -> digest. ``mirror`` is where copies of the
    images of others are that pods run (infra/mirrored_images.py): ``ghcr.io/acme/mirror``.
    """

    mode: Literal["build", "promote"] = "build"
    builder: str = "local"
    base_digests: Mapping[str, Digest] = Field(default_factory=dict)
    promotion: str | None = None
    mirror: MirrorName | None = None

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if self.mode == "promote" and self.base_digests:
            raise ValueError("no baseDigests with mode: promote: those of the stack that builds count")
        if self.mode == "build" and self.promotion:
            raise ValueError("mode: promote where there is a promotion")
        return self


class Existing(Record):
    """Objects of the two namespaces and of the cluster that others made, and that DAG configs may name all the same."""

    claims: Annotated[tuple[ObjectName, ...], Field(strict=False)] = ()
    config_maps: Annotated[tuple[ObjectName, ...], Field(strict=False)] = ()
    secrets: Annotated[tuple[ObjectName, ...], Field(strict=False)] = ()
    service_accounts: Annotated[tuple[ObjectName, ...], Field(strict=False)] = ()
    priority_classes: Annotated[tuple[ObjectName, ...], Field(strict=False)] = ()
    runtime_classes: Annotated[tuple[ObjectName, ...], Field(strict=False)] = ()


class Tasks(Record):
    """What task pods of the KubernetesPodOperator carry beside their own container, and the Secrets they may read.

    ``secrets`` maps a Secret's name to environment variables and their values; a DAG config names it by ``env_from``.
    """

    existing: Existing = Existing()

    xcom_sidecar_image: PinnedImage = "busybox:1.37.0-musl"
    secrets: Mapping[SecretName, TaskSecret] = Field(default_factory=dict)


class Publication(Record):
    """How often, in seconds, the DAG processor asks the bucket for a new version.

    Not under 10: each refresh of Airflow 3.2 drops the callbacks that wait for DAG files of a version.
    ``parse_seconds`` is what all DAG files together may cost to parse, one after the other: ``dags check`` measures it.
    """

    refresh_seconds: Annotated[int, Field(ge=10, le=300)] = 10
    parse_seconds: Annotated[int, Field(gt=0, le=3600)] = 60


class Settings(Record):
    """Everything that differs from stack to stack.

    ``size`` is what keys that are not there are taken from. ``protect``: what holds data, and the secrets to read it
    with, is not deleted with the stack.
    """

    name: Name = "airflow"
    size: Size = DEFAULT_SIZE
    protect: bool = True
    kubernetes: Kubernetes
    registry: Registry
    registry_credentials: Annotated[tuple[RegistryCredential, ...], Field(strict=False), AfterValidator(_one_a_server)]
    namespaces: Namespaces = Namespaces()
    airflow: Airflow = Airflow()
    access: Access = Access()
    network: Network = Network()
    chart: Chart = Chart()
    images: Images = Images()
    object_store: ObjectStore = MinioStore()
    database: Database = PostgresDatabase()
    tasks: Tasks = Tasks()
    publication: Publication = Publication()

    @property
    def tasks_namespace(self) -> str:
        return f"{self.name}-tasks"

    @model_validator(mode="after")
    def _registry_can_be_pulled_from(self) -> Self:
        if self.registry.server not in {credential.server for credential in self.registry_credentials}:
            raise ValueError(f"a log-in for {self.registry.server}, the server that the images are pushed to")
        return self

    @model_validator(mode="after")
    def _backups_can_be_written(self) -> Self:
        store = self.object_store
        keys = store.keys if isinstance(store, EndpointStore) else None
        if self.database.backup.enabled and keys and "backup" not in keys:
            words = "a log-in for what writes the database's dumps, or database.backup.enabled: false"
            raise PydanticCustomError("objectStore.keys.backup", words)
        return self
