"""The bucket, wherever it is kept, and the Secrets that its clients read: from here on it is the same for all."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from infra import minio, names, secrets
from infra.object_store_access import AUTHORITY_FILE, Access, Keys
from infra.object_store_policies import AIRFLOW, BACKUP, PUBLISHER, TASKS
from infra.settings_record import Resources
from infra.settings_stores import EndpointStore, MinioStore, S3Store


@dataclass(frozen=True)
class ObjectStoreArguments:
    """Where clients run, the stack's choices, and what secrets' fingerprints are keyed with.

    ``bucket_ready`` is what a bucket on S3 consists of: its roles are made before the service accounts.
    """

    namespace: pulumi.Output[str]
    tasks_namespace: pulumi.Output[str]
    settings: MinioStore | S3Store | EndpointStore
    job_resources: Resources
    fingerprint_key: pulumi.Output[str]
    bucket_ready: tuple[pulumi.Resource, ...] = ()


class ObjectStore(pulumi.ComponentResource):
    """The store, where it runs in the cluster, and the clients' Secrets.

    ``airflow_fingerprint`` changes with the key that Airflow's own pods read.
    """

    endpoint: pulumi.Output[str]
    bucket: str
    airflow_fingerprint: pulumi.Output[str]
    ready: tuple[pulumi.Resource, ...]

    def __init__(self, arguments: ObjectStoreArguments, opts: pulumi.ResourceOptions) -> None:
        super().__init__("de-airflow-pipeline:infra:ObjectStore", minio.NAME, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        access = _access(arguments, child)
        self.bucket, self.endpoint = access.bucket, access.address
        clients = () if access.given else self._client_secrets(arguments, access, child)
        keys = access.keys.get(AIRFLOW.name)
        self.airflow_fingerprint = secrets.fingerprint(arguments.fingerprint_key, *((keys.secret_key,) if keys else ()))
        self.ready = (*access.ready, *clients)
        self.register_outputs({"endpoint": self.endpoint, "bucket": self.bucket})

    def _client_secrets(
        self, arguments: ObjectStoreArguments, access: Access, opts: pulumi.ResourceOptions
    ) -> tuple[k8s.core.v1.Secret, ...]:
        connection = {names.STORE_CONNECTION_VARIABLE: access.connection(AIRFLOW.name)}
        # Mounted where Airflow's own code runs, and nowhere else.
        bundle = {"AWS_CA_BUNDLE": access.authority} if access.authority else {}
        core, tasks = arguments.namespace, arguments.tasks_namespace
        wanted = (
            ("", core, names.STORE_AIRFLOW_SECRET, connection),
            ("", core, names.STORE_BACKUP_SECRET, {**access.environment(BACKUP.name), **bundle}),
            ("", core, names.STORE_PUBLISHER_SECRET, {**access.environment(PUBLISHER.name), **bundle}),
            ("-core", core, names.STORE_TASKS_SECRET, {**access.environment(TASKS.name), **bundle}),
            ("-tasks", tasks, names.STORE_TASKS_SECRET, access.environment(TASKS.name)),
        )
        return tuple(
            secrets.secret(f"{name}{suffix}", namespace, name, data, opts) for suffix, namespace, name, data in wanted
        )


def authority(settings: MinioStore | S3Store | EndpointStore) -> dict[str, str]:
    """File name -> PEM text of the authority to trust, for the files that Airflow's pods mount."""
    if isinstance(settings, S3Store):
        return {}
    found = (
        (settings.tls.authority if settings.tls else None) if isinstance(settings, MinioStore) else settings.authority
    )
    return {AUTHORITY_FILE: found} if found else {}


def _access(arguments: ObjectStoreArguments, opts: pulumi.ResourceOptions) -> Access:
    settings = arguments.settings
    if isinstance(settings, MinioStore):
        return minio.serve(
            minio.MinioArguments(arguments.namespace, settings, arguments.job_resources, arguments.fingerprint_key),
            opts,
        )
    if isinstance(settings, S3Store):
        return Access(settings.bucket, settings.region, None, ready=arguments.bucket_ready)
    return Access(
        bucket=settings.bucket,
        region=settings.region,
        endpoint=pulumi.Output.from_input(settings.url),
        keys={
            user: Keys(keys.access_key, pulumi.Output.secret(keys.secret_key.get_secret_value()))
            for user, keys in (settings.keys or {}).items()
        },
        addressing=settings.addressing,
        authority=f"{names.RUNTIME_PATH}/{AUTHORITY_FILE}" if settings.authority else None,
        given=settings.keys is None,
    )
