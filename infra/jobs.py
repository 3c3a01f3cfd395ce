"""A Job that runs one container to its end. Auto-named: changed inputs make a new Job, so a roll-back runs too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as k8s

from infra import names
from infra.restricted import Identity, container_arguments, resource_arguments
from infra.settings_record import Resources

# A Job that failed is replaced by the next deployment instead of being awaited again.
REPLACE_WHEN_FAILED = {"pulumi.com/replaceUnready": "true"}


@dataclass(frozen=True)
class Mount:
    """A volume and where the container sees it; read-only unless it is scratch space."""

    path: str
    volume: k8s.core.v1.VolumeArgs
    writable: bool = False


def scratch(name: str, path: str) -> Mount:
    """An empty folder that lives as long as the pod."""
    volume = k8s.core.v1.VolumeArgs(name=name, empty_dir=k8s.core.v1.EmptyDirVolumeSourceArgs())
    return Mount(path, volume, writable=True)


def config_map(name: str, path: str, source: pulumi.Input[str]) -> Mount:
    """The files of a ConfigMap."""
    return Mount(path, k8s.core.v1.VolumeArgs(name=name, config_map=k8s.core.v1.ConfigMapVolumeSourceArgs(name=source)))


def secret_files(name: str, path: str, source: str) -> Mount:
    """The files of a Secret, readable for the pod's group."""
    files = k8s.core.v1.SecretVolumeSourceArgs(secret_name=source, default_mode=0o440)
    return Mount(path, k8s.core.v1.VolumeArgs(name=name, secret=files))


def from_secret(variable: str, secret: str, key: str) -> k8s.core.v1.EnvVarArgs:
    """An environment variable that kubelet fills from a Secret."""
    selector = k8s.core.v1.SecretKeySelectorArgs(name=secret, key=key)
    return k8s.core.v1.EnvVarArgs(name=variable, value_from=k8s.core.v1.EnvVarSourceArgs(secret_key_ref=selector))


def plain(variables: Mapping[str, pulumi.Input[str]]) -> list[k8s.core.v1.EnvVarArgs]:
    """Environment variables with values that anyone may see."""
    return [k8s.core.v1.EnvVarArgs(name=name, value=value) for name, value in variables.items()]


@dataclass(frozen=True)
class Step:
    """One container of a Job."""

    name: str
    image: str
    resources: Resources
    command: Sequence[str] | None = None
    arguments: Sequence[str] | None = None
    environment: Sequence[k8s.core.v1.EnvVarArgs] = ()
    environment_secrets: Sequence[str] = ()


@dataclass(frozen=True)
class JobArguments:
    """What runs, as whom, with what; ``deadline_seconds`` bounds all tries together.

    ``before`` runs first, one after the other, with the same mounts. ``account`` is the namespace's default one where
    none is named; its token is not mounted.
    """

    namespace: pulumi.Input[str]
    image: str
    identity: Identity
    resources: Resources
    command: Sequence[str] | None = None
    arguments: Sequence[str] | None = None
    environment: Sequence[k8s.core.v1.EnvVarArgs] = ()
    environment_secrets: Sequence[str] = ()
    mounts: Sequence[Mount] = ()
    annotations: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    deadline_seconds: int = 600
    read_only_root: bool = True
    account: str | None = None
    before: Sequence[Step] = ()


def run(name: str, arguments: JobArguments, opts: pulumi.ResourceOptions) -> k8s.batch.v1.Job:
    """Registers the Job; whatever depends on it waits for its success."""
    labels = {"app.kubernetes.io/name": name, **names.CORE_PART_OF}
    main = Step(
        name,
        arguments.image,
        arguments.resources,
        arguments.command,
        arguments.arguments,
        arguments.environment,
        arguments.environment_secrets,
    )
    return k8s.batch.v1.Job(
        name,
        metadata=k8s.meta.v1.ObjectMetaArgs(
            namespace=arguments.namespace, labels=labels, annotations=REPLACE_WHEN_FAILED
        ),
        spec=k8s.batch.v1.JobSpecArgs(
            backoff_limit=3,
            active_deadline_seconds=arguments.deadline_seconds,
            template=k8s.core.v1.PodTemplateSpecArgs(
                metadata=k8s.meta.v1.ObjectMetaArgs(labels=labels, annotations=dict(arguments.annotations)),
                spec=k8s.core.v1.PodSpecArgs(
                    restart_policy="Never",
                    service_account_name=arguments.account,
                    automount_service_account_token=False,
                    enable_service_links=False,
                    image_pull_secrets=[k8s.core.v1.LocalObjectReferenceArgs(name=names.REGISTRY_SECRET)],
                    security_context=arguments.identity.pod_arguments(),
                    init_containers=[_container(step, arguments) for step in arguments.before] or None,
                    containers=[_container(main, arguments)],
                    volumes=[mount.volume for mount in arguments.mounts],
                ),
            ),
        ),
        opts=opts,
    )


def _container(step: Step, arguments: JobArguments) -> k8s.core.v1.ContainerArgs:
    return k8s.core.v1.ContainerArgs(
        name=step.name,
        image=step.image,
        image_pull_policy="IfNotPresent",
        command=list(step.command) if step.command else None,
        args=list(step.arguments) if step.arguments else None,
        env=list(step.environment) or None,
        env_from=[
            k8s.core.v1.EnvFromSourceArgs(secret_ref=k8s.core.v1.SecretEnvSourceArgs(name=secret))
            for secret in step.environment_secrets
        ]
        or None,
        resources=resource_arguments(step.resources),
        security_context=container_arguments(read_only_root=arguments.read_only_root),
        termination_message_policy="FallbackToLogsOnError",
        volume_mounts=[
            k8s.core.v1.VolumeMountArgs(name=mount.volume.name, mount_path=mount.path, read_only=not mount.writable)
            for mount in arguments.mounts
        ],
    )
