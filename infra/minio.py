"""The object store in the cluster: one MinIO-compatible server, one bucket, a user with the least each client needs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s

from infra import jobs, names, secrets
from infra.object_store_access import AUTHORITY_FILE, Access, Keys
from infra.object_store_policies import USERS, expirations
from infra.restricted import OBJECT_STORE
from infra.settings_record import Resources
from infra.settings_stores import MinioStore
from infra.stateful import StoreArguments, store

NAME = "object-store"
PORT = 9000
SETUP = Path(__file__).with_name("object_store_setup.sh")
CERTIFICATES = "/certificates"


@dataclass(frozen=True)
class MinioArguments:
    """Where it runs, the stack's choices, and what secrets' fingerprints are keyed with."""

    namespace: pulumi.Output[str]
    settings: MinioStore
    job_resources: Resources
    fingerprint_key: pulumi.Output[str]


def serve(arguments: MinioArguments, opts: pulumi.ResourceOptions) -> Access:
    """Server, Service, volume, and the Job that makes bucket, users, policies and rules.

    ``opts`` protects what holds data; the Job is made anew whenever what it does changes.
    """
    settings, key = arguments.settings, arguments.fingerprint_key
    root = secrets.password("object-store-root-password", opts)
    passwords = {user.name: secrets.password(f"object-store-{user.name}-password", opts) for user in USERS}
    log_in: dict[str, pulumi.Input[str]] = {"user": "root", "password": root}
    root_secret = secrets.secret(names.STORE_ROOT_SECRET, arguments.namespace, names.STORE_ROOT_SECRET, log_in, opts)
    users_secret = secrets.secret(
        names.STORE_USERS_SECRET, arguments.namespace, names.STORE_USERS_SECRET, passwords, opts
    )
    after_root = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[root_secret]))
    server, _ = store(NAME, _server(arguments, secrets.fingerprint(key, root)), after_root)
    every_password = secrets.fingerprint(key, root, *passwords.values())
    setup = _setup(arguments, every_password, [server, users_secret], opts)
    return Access(
        bucket=settings.bucket,
        region=settings.region,
        endpoint=_host(arguments).apply(lambda host: f"{_scheme(settings)}://{host}"),
        keys={name: Keys(name, password) for name, password in passwords.items()},
        authority=f"{names.RUNTIME_PATH}/{AUTHORITY_FILE}" if settings.tls and settings.tls.authority else None,
        ready=(setup,),
    )


def lifecycle(settings: MinioStore) -> str:
    """The bucket's rules, as ``mc ilm import`` takes them."""
    rules: list[dict[str, object]] = [
        {
            "ID": prefix.rstrip("/"),
            "Status": "Enabled",
            "Filter": {"Prefix": prefix},
            "Expiration": {"Days": days},
        }
        for prefix, days in expirations(settings.log_days, settings.backup_days).items()
    ]
    if settings.versioning:
        overwritten = {"NoncurrentVersionExpiration": {"NoncurrentDays": settings.overwritten_days}}
        markers = {"Expiration": {"ExpiredObjectDeleteMarker": True}}
        rules.append({"ID": "overwritten", "Status": "Enabled", "Filter": {"Prefix": ""}, **overwritten, **markers})
    return json.dumps({"Rules": rules}, indent=1)


def _host(arguments: MinioArguments) -> pulumi.Output[str]:
    """Name and port that everybody asks for: a certificate is for one name."""
    return arguments.namespace.apply(lambda namespace: f"{NAME}.{namespace}.svc:{PORT}")


def _scheme(settings: MinioStore) -> str:
    return "https" if settings.tls else "http"


def _setup(
    arguments: MinioArguments,
    fingerprint: pulumi.Output[str],
    after: list[pulumi.Resource],
    opts: pulumi.ResourceOptions,
) -> k8s.batch.v1.Job:
    settings = arguments.settings
    authority = {AUTHORITY_FILE: settings.tls.authority} if settings.tls and settings.tls.authority else {}
    unprotected = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=False))
    files = k8s.core.v1.ConfigMap(
        "object-store-setup",
        metadata=k8s.meta.v1.ObjectMetaArgs(namespace=arguments.namespace),
        immutable=True,
        data={
            "setup.sh": SETUP.read_text(encoding="utf-8"),
            "lifecycle.json": lifecycle(settings),
            **{f"{user.name}.json": user.policy(settings.bucket) for user in USERS},
            **authority,
        },
        opts=unprotected,
    )
    log_in = "$(ROOT_USER):$(ROOT_PASSWORD)"
    server = _host(arguments).apply(lambda host: f"{_scheme(settings)}://{log_in}@{host}")
    environment = [
        jobs.from_secret("ROOT_USER", names.STORE_ROOT_SECRET, "user"),
        jobs.from_secret("ROOT_PASSWORD", names.STORE_ROOT_SECRET, "password"),
        # Kubelet puts the two above in its place.
        *jobs.plain({"MC_HOST_store": server}),
        *jobs.plain({"MC_CONFIG_DIR": "/tmp/mc", "HOME": "/tmp"}),  # noqa: S108 - an emptyDir
        *jobs.plain({"BUCKET": settings.bucket, "REGION": settings.region}),
        *jobs.plain({"VERSIONING": "enable" if settings.versioning else "suspend"}),
        *jobs.plain({"USERS": " ".join(user.name for user in USERS)}),
        # Where Go looks for authorities.
        *jobs.plain({"SSL_CERT_FILE": f"/setup/{AUTHORITY_FILE}"} if authority else {}),
    ]
    return jobs.run(
        "object-store-setup",
        jobs.JobArguments(
            namespace=arguments.namespace,
            image=settings.image,
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
        pulumi.ResourceOptions.merge(unprotected, pulumi.ResourceOptions(depends_on=after)),
    )


def _server(arguments: MinioArguments, fingerprint: pulumi.Output[str]) -> StoreArguments:
    settings = arguments.settings

    def probe(path: str, period: int) -> k8s.core.v1.ProbeArgs:
        return k8s.core.v1.ProbeArgs(
            http_get=k8s.core.v1.HTTPGetActionArgs(path=path, port=PORT, scheme=_scheme(settings).upper()),
            period_seconds=period,
            timeout_seconds=5,
            failure_threshold=6,
        )

    return StoreArguments(
        namespace=arguments.namespace,
        image=settings.image,
        identity=OBJECT_STORE,
        resources=settings.resources,
        port=PORT,
        volume=settings.volume,
        storage_class=settings.storage_class,
        data_path="/data",
        arguments=[
            *("server", "/data", "--console-address", ":9001"),
            *(("--certs-dir", CERTIFICATES) if settings.tls else ()),
        ],
        environment=[
            jobs.from_secret("MINIO_ROOT_USER", names.STORE_ROOT_SECRET, "user"),
            jobs.from_secret("MINIO_ROOT_PASSWORD", names.STORE_ROOT_SECRET, "password"),
            *jobs.plain({"MINIO_REGION": settings.region, "MINIO_BROWSER": "off", "HOME": "/tmp"}),  # noqa: S108
        ],
        mounts=[
            jobs.scratch("tmp", "/tmp"),  # noqa: S108 - an emptyDir
            *((_certificate(settings.tls.secret),) if settings.tls else ()),
        ],
        annotations={names.SECRETS_ANNOTATION: fingerprint},
        ready=probe("/minio/health/ready", 2),
        live=probe("/minio/health/live", 20),
    )


def _certificate(secret: str) -> jobs.Mount:
    """Under the names that MinIO looks for; it reads them again when they change."""
    renamed = {"tls.crt": "public.crt", "tls.key": "private.key"}
    files = k8s.core.v1.SecretVolumeSourceArgs(
        secret_name=secret,
        default_mode=0o440,
        items=[k8s.core.v1.KeyToPathArgs(key=key, path=path) for key, path in renamed.items()],
    )
    return jobs.Mount(CERTIFICATES, k8s.core.v1.VolumeArgs(name="certificates", secret=files))
