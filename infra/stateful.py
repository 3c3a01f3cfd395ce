"""One process on one volume behind one Service: the shape of the stores that run in the cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from infra import names
from infra.jobs import Mount
from infra.restricted import Identity, container_arguments, resource_arguments
from infra.settings_record import Resources


@dataclass(frozen=True)
class StoreArguments:
    """One container with one volume at ``data_path``; ready when ``ready`` says so, restarted when ``live`` fails."""

    namespace: pulumi.Input[str]
    image: str
    identity: Identity
    resources: Resources
    port: int
    volume: str
    storage_class: str | None
    data_path: str
    environment: Sequence[k8s.core.v1.EnvVarArgs]
    mounts: Sequence[Mount]
    annotations: Mapping[str, pulumi.Input[str]]
    ready: k8s.core.v1.ProbeArgs
    live: k8s.core.v1.ProbeArgs
    arguments: Sequence[str] | None = None


def store(
    name: str, arguments: StoreArguments, opts: pulumi.ResourceOptions
) -> tuple[k8s.apps.v1.StatefulSet, k8s.core.v1.Service]:
    """The StatefulSet and its Service, both with this name. The volume outlives both."""
    labels = {"app.kubernetes.io/name": name, **names.CORE_PART_OF}
    metadata = k8s.meta.v1.ObjectMetaArgs(name=name, namespace=arguments.namespace, labels=labels)
    # It gets endpoints only when the pods run, and those come after it: nothing to wait for.
    unawaited = k8s.meta.v1.ObjectMetaArgs(
        name=name, namespace=arguments.namespace, labels=labels, annotations={"pulumi.com/skipAwait": "true"}
    )
    service = k8s.core.v1.Service(
        name,
        metadata=unawaited,
        spec=k8s.core.v1.ServiceSpecArgs(
            type="ClusterIP",
            selector=labels,
            ports=[k8s.core.v1.ServicePortArgs(name=name, port=arguments.port, target_port=arguments.port)],
        ),
        opts=opts,
    )
    workload = k8s.apps.v1.StatefulSet(
        name,
        metadata=metadata,
        spec=k8s.apps.v1.StatefulSetSpecArgs(
            replicas=1,
            service_name=name,
            selector=k8s.meta.v1.LabelSelectorArgs(match_labels=labels),
            template=k8s.core.v1.PodTemplateSpecArgs(
                metadata=k8s.meta.v1.ObjectMetaArgs(labels=labels, annotations=dict(arguments.annotations)),
                spec=_pod(name, arguments),
            ),
            volume_claim_templates=[_claim(arguments)],
        ),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[service])),
    )
    return workload, service


def _pod(name: str, arguments: StoreArguments) -> k8s.core.v1.PodSpecArgs:
    data = k8s.core.v1.VolumeMountArgs(name="data", mount_path=arguments.data_path)
    container = k8s.core.v1.ContainerArgs(
        name=name,
        image=arguments.image,
        image_pull_policy="IfNotPresent",
        args=list(arguments.arguments) if arguments.arguments else None,
        env=list(arguments.environment),
        ports=[k8s.core.v1.ContainerPortArgs(name=name, container_port=arguments.port)],
        readiness_probe=arguments.ready,
        liveness_probe=arguments.live,
        resources=resource_arguments(arguments.resources),
        security_context=container_arguments(read_only_root=True),
        termination_message_policy="FallbackToLogsOnError",
        volume_mounts=[
            data,
            *(
                k8s.core.v1.VolumeMountArgs(name=mount.volume.name, mount_path=mount.path, read_only=not mount.writable)
                for mount in arguments.mounts
            ),
        ],
    )
    return k8s.core.v1.PodSpecArgs(
        automount_service_account_token=False,
        enable_service_links=False,
        image_pull_secrets=[k8s.core.v1.LocalObjectReferenceArgs(name=names.REGISTRY_SECRET)],
        security_context=arguments.identity.pod_arguments(),
        termination_grace_period_seconds=60,
        containers=[container],
        volumes=[mount.volume for mount in arguments.mounts],
    )


def _claim(arguments: StoreArguments) -> k8s.core.v1.PersistentVolumeClaimArgs:
    return k8s.core.v1.PersistentVolumeClaimArgs(
        metadata=k8s.meta.v1.ObjectMetaArgs(name="data"),
        spec=k8s.core.v1.PersistentVolumeClaimSpecArgs(
            access_modes=["ReadWriteOnce"],
            storage_class_name=arguments.storage_class,
            resources=k8s.core.v1.VolumeResourceRequirementsArgs(requests={"storage": arguments.volume}),
        ),
    )
