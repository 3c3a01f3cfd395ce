"""The object store in the cluster: one MinIO-compatible server, one bucket, three users with the least each needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s

from infra import jobs, names, secrets
from infra.object_store_policies import AIRFLOW, PUBLISHER, TASKS, USERS
from infra.restricted import OBJECT_STORE
from infra.settings import ObjectStore as StoreSettings
from infra.settings_record import Resources
from infra.stateful import StoreArguments, store

NAME = "object-store"
PORT = 9000
SETUP = Path(__file__).with_name("object_store_setup.sh")


@dataclass(frozen=True)
class ObjectStoreArguments:
    """Where it runs, the stack's choices, and what secrets' fingerprints are keyed with."""

    namespace: pulumi.Output[str]
    tasks_namespace: pulumi.Output[str]
    settings: StoreSettings
    job_resources: Resources
    fingerprint_key: pulumi.Output[str]


class ObjectStore(pulumi.ComponentResource):
    """Server, Service, volume, users' Secrets, and the Job that makes bucket, users and policies.

    ``airflow_fingerprint`` changes with the password that Airflow's own pods read.
    """

    endpoint: pulumi.Output[str]
    bucket: str
    airflow_fingerprint: pulumi.Output[str]
    ready: tuple[pulumi.Resource, ...]

    def __init__(self, arguments: ObjectStoreArguments, opts: pulumi.ResourceOptions) -> None:
        super().__init__("de-airflow-pipeline:infra:ObjectStore", NAME, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        key = arguments.fingerprint_key
        self.bucket = arguments.settings.bucket
        self.endpoint = arguments.namespace.apply(lambda namespace: f"http://{NAME}.{namespace}.svc:{PORT}")
        root = secrets.password("object-store-root-password", child)
        passwords = {user.name: secrets.password(f"object-store-{user.name}-password", child) for user in USERS}
        root_secret = secrets.secret(
            names.STORE_ROOT_SECRET,
            arguments.namespace,
            names.STORE_ROOT_SECRET,
            {"user": "root", "password": root},
            child,
        )
        users_secret = secrets.secret(
            names.STORE_USERS_SECRET, arguments.namespace, names.STORE_USERS_SECRET, passwords, child
        )
        clients = self._client_secrets(arguments, passwords, child)
        after_root = pulumi.ResourceOptions(parent=self, depends_on=[root_secret])
        server, _ = store(NAME, _server(arguments, secrets.fingerprint(key, root)), after_root)
        every_password = secrets.fingerprint(key, root, *passwords.values())
        setup = self._setup(arguments, every_password, [server, users_secret])
        self.airflow_fingerprint = secrets.fingerprint(key, passwords[AIRFLOW.name])
        self.ready = (setup, *clients)
        self.register_outputs({"endpoint": self.endpoint, "bucket": self.bucket})

    def _client_secrets(
        self,
        arguments: ObjectStoreArguments,
        passwords: dict[str, pulumi.Output[str]],
        opts: pulumi.ResourceOptions,
    ) -> list[k8s.core.v1.Secret]:
        region = arguments.settings.region
        connection = pulumi.Output.all(self.endpoint, passwords[AIRFLOW.name]).apply(
            lambda parts: airflow_connection(parts[0], region, AIRFLOW.name, parts[1])
        )
        variables: dict[str, dict[str, pulumi.Input[str]]] = {
            user.name: {
                "AWS_ACCESS_KEY_ID": user.name,
                "AWS_SECRET_ACCESS_KEY": passwords[user.name],
                "AWS_ENDPOINT_URL_S3": self.endpoint,
                "AWS_REGION": region,
                "OBJECT_STORE_BUCKET": self.bucket,
            }
            for user in (PUBLISHER, TASKS)
        }
        core, tasks = arguments.namespace, arguments.tasks_namespace
        wanted: tuple[tuple[str, pulumi.Output[str], str, Mapping[str, pulumi.Input[str]]], ...] = (
            ("", core, names.STORE_AIRFLOW_SECRET, {names.STORE_CONNECTION_VARIABLE: connection}),
            ("", core, names.STORE_PUBLISHER_SECRET, variables[PUBLISHER.name]),
            ("-core", core, names.STORE_TASKS_SECRET, variables[TASKS.name]),
            ("-tasks", tasks, names.STORE_TASKS_SECRET, variables[TASKS.name]),
        )
        return [
            secrets.secret(f"{name}{suffix}", namespace, name, data, opts) for suffix, namespace, name, data in wanted
        ]

    def _setup(
        self, arguments: ObjectStoreArguments, fingerprint: pulumi.Output[str], after: list[pulumi.Resource]
    ) -> k8s.batch.v1.Job:
        policies = {f"{user.name}.json": user.policy(self.bucket) for user in USERS}
        files = k8s.core.v1.ConfigMap(
            "object-store-setup",
            metadata=k8s.meta.v1.ObjectMetaArgs(namespace=arguments.namespace),
            immutable=True,
            data={"setup.sh": SETUP.read_text(encoding="utf-8"), **policies},
            opts=pulumi.ResourceOptions(parent=self),
        )
        environment = [
            jobs.from_secret("ROOT_USER", names.STORE_ROOT_SECRET, "user"),
            jobs.from_secret("ROOT_PASSWORD", names.STORE_ROOT_SECRET, "password"),
            # Kubelet puts the two above in its place.
            *jobs.plain({"MC_HOST_store": f"http://$(ROOT_USER):$(ROOT_PASSWORD)@{NAME}:{PORT}"}),
            *jobs.plain({"MC_CONFIG_DIR": "/tmp/mc", "HOME": "/tmp"}),  # noqa: S108 - an emptyDir
            *jobs.plain({"BUCKET": self.bucket, "REGION": arguments.settings.region}),
            *jobs.plain({"USERS": " ".join(user.name for user in USERS)}),
        ]
        return jobs.run(
            "object-store-setup",
            jobs.JobArguments(
                namespace=arguments.namespace,
                image=arguments.settings.image,
                identity=OBJECT_STORE,
                resources=arguments.job_resources,
                command=["/bin/sh", "/setup/setup.sh"],
                environment=environment,
                mounts=[
                    jobs.config_map("setup", "/setup", files.metadata.name),
                    jobs.secret_files("users", "/users", names.STORE_USERS_SECRET),
                    jobs.scratch("tmp", "/tmp"),  # noqa: S108 - an emptyDir
                ],
                annotations={names.SECRETS_ANNOTATION: fingerprint},
            ),
            pulumi.ResourceOptions(parent=self, depends_on=after),
        )


def airflow_connection(endpoint: str, region: str, user: str, password: str) -> str:
    """Airflow's JSON form of an AWS connection to a store that is addressed by path."""
    extra = {
        "endpoint_url": endpoint,
        "region_name": region,
        "config_kwargs": {"s3": {"addressing_style": "path"}},
    }
    return json.dumps({"conn_type": "aws", "login": user, "password": password, "extra": extra}, sort_keys=True)


def _server(arguments: ObjectStoreArguments, fingerprint: pulumi.Output[str]) -> StoreArguments:
    def probe(path: str, period: int) -> k8s.core.v1.ProbeArgs:
        return k8s.core.v1.ProbeArgs(
            http_get=k8s.core.v1.HTTPGetActionArgs(path=path, port=PORT),
            period_seconds=period,
            timeout_seconds=5,
            failure_threshold=6,
        )

    return StoreArguments(
        namespace=arguments.namespace,
        image=arguments.settings.image,
        identity=OBJECT_STORE,
        resources=arguments.settings.resources,
        port=PORT,
        volume=arguments.settings.volume,
        storage_class=arguments.settings.storage_class,
        data_path="/data",
        arguments=["server", "/data", "--console-address", ":9001"],
        environment=[
            jobs.from_secret("MINIO_ROOT_USER", names.STORE_ROOT_SECRET, "user"),
            jobs.from_secret("MINIO_ROOT_PASSWORD", names.STORE_ROOT_SECRET, "password"),
            *jobs.plain({"MINIO_REGION": arguments.settings.region, "MINIO_BROWSER": "off", "HOME": "/tmp"}),  # noqa: S108
        ],
        mounts=[jobs.scratch("tmp", "/tmp")],  # noqa: S108 - an emptyDir
        annotations={names.SECRETS_ANNOTATION: fingerprint},
        ready=probe("/minio/health/ready", 2),
        live=probe("/minio/health/live", 20),
    )
