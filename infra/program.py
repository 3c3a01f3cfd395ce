"""The whole program: what a stack's settings and the repository's files make of a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s

from infra import chart_source, names, object_store, provider_packages, runtime, secrets, sources
from infra import database as database_of
from infra.airflow import Airflow, AirflowArguments
from infra.airflow_backing import Backing
from infra.airflow_secrets import AirflowSecrets, AirflowSecretsArguments
from infra.airflow_values import ValuesArguments
from infra.backup import BackupArguments
from infra.connections import Connections, ConnectionsArguments
from infra.database import Database, DatabaseArguments
from infra.images import Images, ImagesArguments
from infra.namespaces import Namespaces, NamespacesArguments
from infra.network_policies import NetworkPolicies, NetworkPoliciesArguments
from infra.object_store import ObjectStore, ObjectStoreArguments
from infra.publication import Publication, PublicationArguments
from infra.pull_secret import PullSecret, PullSecretArguments
from infra.roles import Place
from infra.settings import Settings
from infra.settings_stores import S3Store
from infra.task_secrets import TaskSecrets, TaskSecretsArguments
from pipelines.dag_tree import pack
from pipelines.errors import InputError, Problem

if TYPE_CHECKING:
    from infra.s3_bucket import S3Bucket

NO_PACKAGE = (
    "s3, and the package pulumi-aws is not installed",
    "what makes the bucket, installed",
    ".venv/bin/python -m pip install --requirement requirements-aws.txt",
)


@dataclass(frozen=True)
class Outputs:
    """What a stack tells: references and digests by DAG type, DAG ids, and where things are."""

    images: Mapping[str, str]
    digests: Mapping[str, pulumi.Output[str]]
    dags: tuple[str, ...]
    version: pulumi.Output[str]
    bucket: str
    endpoint: pulumi.Output[str]
    airflow: Mapping[str, str]
    namespaces: Mapping[str, str]

    def exports(self) -> dict[str, Any]:
        """Stack outputs by name."""
        return {**vars(self), "dags": list(self.dags)}


def deploy(settings: Settings, root: Path = Path()) -> Outputs:
    """Registers everything. Raises InputError, before anything is registered, when images or DAGs are not in order."""
    chart_source.check(settings.chart)
    return register(settings, sources.load(settings, root))


def register(settings: Settings, found: sources.Sources) -> Outputs:
    """Registers everything that the settings make of what the repository holds."""
    bucket = _bucket(settings)
    context = settings.kubernetes.context
    # A Secret that changes must not go away for a moment: pods that start then would find none.
    provider = k8s.Provider("kubernetes", context=context, cluster_identifier=context, enable_secret_mutable=True)
    top = pulumi.ResourceOptions(providers=[provider])
    jobs = settings.airflow.components.jobs

    roles = bucket.roles if bucket else {}
    spaces = Namespaces(
        NamespacesArguments(
            core=settings.name,
            tasks=settings.tasks_namespace,
            core_quota=settings.namespaces.core_quota,
            tasks_quota=settings.namespaces.tasks_quota,
            executors=settings.airflow.executors,
            cleanup=settings.airflow.cleanup,
            roles=roles,
            protect=settings.protect,
        ),
        top,
    )
    places: dict[Place, pulumi.Output[str]] = {"core": spaces.core, "tasks": spaces.tasks}
    ingress = settings.access.ingress
    NetworkPolicies(
        NetworkPoliciesArguments(places, settings.network, ingress.controller_namespace if ingress else None), top
    )
    pull = PullSecret(PullSecretArguments(places, settings.registry_credentials), top)
    ground = pulumi.ResourceOptions.merge(top, pulumi.ResourceOptions(depends_on=[*spaces.ready, *pull.ready]))
    protected = pulumi.ResourceOptions(protect=settings.protect)
    kept = pulumi.ResourceOptions.merge(ground, protected)
    key = secrets.password("fingerprint-key", protected)
    store = ObjectStore(
        ObjectStoreArguments(
            spaces.core, spaces.tasks, settings.object_store, jobs, key, bucket.ready if bucket else ()
        ),
        kept,
    )
    database = Database(DatabaseArguments(spaces.core, settings.database, key), kept)
    declared = settings.airflow
    keys = AirflowSecrets(
        AirflowSecretsArguments(spaces.core, declared.admin_user, declared.fernet_keys, settings.access.oidc, key), kept
    )
    connections = Connections(ConnectionsArguments(spaces.core, declared.connections, declared.variables, key), ground)
    task_secrets = TaskSecrets(TaskSecretsArguments(spaces.tasks, settings.tasks.secrets), ground)
    images = Images(ImagesArguments(found.images, settings.images.builder, found.promoted), pulumi.ResourceOptions())
    authorities = {**object_store.authority(settings.object_store), **database_of.authority(settings.database)}
    files = runtime.read(more=authorities)
    airflow = Airflow(
        AirflowArguments(
            namespace=spaces.core,
            pools=declared.pools,
            chart=settings.chart,
            values=_values(settings, store, database, keys, connections, files),
            database_secret=database.secret,
            database_fingerprint=database.fingerprint,
            backing=Backing(
                secret=database.airflow_secret,
                asynchronous=settings.database.kind == "external",
                authority=database_of.authority_path(settings.database),
                pool=settings.database.pool,
                fingerprint=database.fingerprint,
                roles=roles,
                repository=settings.airflow.repository,
            ),
            backup=_backup(settings, spaces, database, files),
            after=[*spaces.ready, *pull.ready, *store.ready, *database.ready, *keys.ready, *connections.ready],
        ),
        top,
    )
    before = [*airflow.ready, *store.ready, *task_secrets.ready, *images.ready]
    version = _publish(settings, found, spaces, images, database.secret, files, before, top)
    return Outputs(
        images={name: image.reference for name, image in found.catalog.images.items()},
        digests={type_: images.digests[image.image] for type_, image in found.catalog.images.items()},
        dags=tuple(dag.dag_id for dag in found.dags),
        version=version,
        bucket=store.bucket,
        endpoint=store.endpoint,
        airflow=_airflow(settings),
        namespaces={"core": settings.name, "tasks": settings.tasks_namespace},
    )


def _bucket(settings: Settings) -> S3Bucket | None:
    """The bucket on S3, where there is one to make. Raises InputError where its package is not installed."""
    if not isinstance(settings.object_store, S3Store):
        return None
    if not provider_packages.importable("pulumi_aws"):
        raise InputError([Problem(f"Pulumi.{pulumi.get_stack()}.yaml", "objectStore.kind", *NO_PACKAGE)])
    from infra.s3_bucket import S3Bucket, S3BucketArguments

    places = {"core": settings.name, "tasks": settings.tasks_namespace}
    return S3Bucket(S3BucketArguments(settings.name, settings.object_store, places, settings.protect))


def _backup(
    settings: Settings, spaces: Namespaces, database: Database, files: runtime.RuntimeFiles
) -> BackupArguments | None:
    asked = settings.database.backup
    if not asked.enabled:
        return None
    airflow = settings.airflow
    return BackupArguments(spaces.core, asked, airflow.image, airflow.components.jobs, database.variables_secret, files)


def _values(
    settings: Settings,
    store: ObjectStore,
    database: Database,
    keys: AirflowSecrets,
    connections: Connections,
    files: runtime.RuntimeFiles,
) -> ValuesArguments:
    return ValuesArguments(
        namespace=settings.name,
        tasks_namespace=settings.tasks_namespace,
        airflow=settings.airflow,
        bucket=store.bucket,
        refresh_seconds=settings.publication.refresh_seconds,
        xcom_sidecar_image=settings.tasks.xcom_sidecar_image,
        files=files,
        connections=connections.environment,
        fingerprint=_joined(keys.fingerprint, database.fingerprint, store.airflow_fingerprint, connections.fingerprint),
        admin_fingerprint=keys.admin_fingerprint,
        access=settings.access,
    )


def _airflow(settings: Settings) -> dict[str, str]:
    return {
        "version": settings.airflow.version,
        "chart": settings.chart.path or settings.chart.version,
        "service": f"{names.API_SERVER}.{settings.name}.svc:{names.API_SERVER_PORT}",
    }


def _publish(
    settings: Settings,
    found: sources.Sources,
    spaces: Namespaces,
    images: Images,
    database_secret: str,
    files: runtime.RuntimeFiles,
    after: list[pulumi.Resource],
    opts: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    # The digests are joined to the references here, inside an apply: a preview that would build knows neither.
    # Not Output.all: without any image it is a list.
    joined: Any = dict(images.digests)
    digests: pulumi.Output[dict[str, str]] = pulumi.Output.from_input(joined)
    tree = digests.apply(found.tree)
    publication = PublicationArguments(
        namespace=spaces.core,
        archive=tree.apply(pack),
        version=tree.apply(lambda published: published.version),
        image=settings.airflow.image,
        database_secret=database_secret,
        resources=settings.airflow.components.jobs,
        files=files,
        after=after,
    )
    Publication(publication, opts)
    return publication.version


def _joined(*fingerprints: pulumi.Output[str]) -> pulumi.Output[str]:
    return pulumi.Output.all(*fingerprints).apply("-".join)
