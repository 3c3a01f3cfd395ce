"""What a DAG config says of a task's pod: resources, environment, volumes, containers, security, where it runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from pipelines.dag_form_values import (
    ConnectionName,
    FileKey,
    Form,
    LongName,
    MountPath,
    Name,
    QualifiedName,
    Quantity,
    Seconds,
    SubPath,
    Text,
    Words,
    each_once,
    text_or_record,
)
from pipelines.quantities import amount
from pipelines.text_forms import EnvironmentVariable, SecretName
from pipelines.validation import OBJECT, TEXT

Mode = Annotated[int, Field(ge=0, le=0o777, description="Permissions; YAML reads 0o440 and 0440 as octal.")]
Identity = Annotated[int, Field(gt=0, lt=1 << 31)]


def _one_of(form: Form, *names: str) -> None:
    if sum(getattr(form, name) is not None for name in names) != 1:
        raise ValueError(f"just one of {', '.join(names)}")


class Amounts(Form):
    """Kubernetes quantities."""

    cpu: Quantity
    memory: Quantity
    ephemeral_storage: Quantity | None = Field(None, description="Kubernetes: ephemeral-storage.")


class Resources(Form):
    """What the task's pod asks for, and what it may not exceed."""

    requests: Amounts = Amounts(cpu="250m", memory="256Mi")
    limits: Amounts = Amounts(cpu="1", memory="1Gi")
    gpu: Annotated[int, Field(ge=1, le=64)] | None = Field(
        None, description="How many devices of the kind gpu_type: Kubernetes wants one number for request and limit."
    )
    gpu_type: QualifiedName = Field("nvidia.com/gpu", description="The extended resource that gpu counts.")

    @model_validator(mode="after")
    def _limits_hold_requests(self) -> Resources:
        for name in ("cpu", "memory", "ephemeral_storage"):
            request, limit = getattr(self.requests, name), getattr(self.limits, name)
            if request and limit and amount(request) > amount(limit):
                raise ValueError(f"limits that are not below the requests: {name} {request} is more than {limit}")
        return self


class EnvironmentSource(Form):
    """A Secret (declared in the stack's ``tasks.secrets``) or a ConfigMap of the tasks' namespace, whose keys become
    variables."""

    secret: SecretName | None = None
    config_map: LongName | None = None
    prefix: Annotated[str, Field(max_length=63, pattern="^[A-Za-z_][A-Za-z0-9_]*$")] | None = Field(
        None, description="Before the name of each variable."
    )

    @model_validator(mode="after")
    def _one_source(self) -> EnvironmentSource:
        _one_of(self, "secret", "config_map")
        return self


EnvironmentSources = Annotated[tuple[EnvironmentSource, ...], Field(max_length=50), AfterValidator(each_once)]


class EnvironmentValue(Form):
    """One variable out of a Secret, a ConfigMap, or the pod itself."""

    secret: SecretName | None = None
    config_map: LongName | None = None
    key: FileKey | None = Field(None, description="Of the Secret or ConfigMap.")
    field: Annotated[str, Field(pattern=r"^(metadata|spec|status)\.[A-Za-z]+(\['[-A-Za-z0-9_./]+'\])?$")] | None = (
        Field(
            None, description="A field of the pod, such as status.podIP. KubernetesPodOperator: pod_runtime_info_envs."
        )
    )

    @model_validator(mode="after")
    def _one_source(self) -> EnvironmentValue:
        _one_of(self, "secret", "config_map", "field")
        if (self.key is None) != (self.field is not None):
            raise ValueError("a key beside secret or config_map, none beside field")
        return self


Environment = dict[
    EnvironmentVariable,
    Annotated[Annotated[EnvironmentValue, Tag(OBJECT)] | Annotated[Text, Tag(TEXT)], Discriminator(text_or_record)],
]


class EmptyDir(Form):
    """Room that lives as long as the pod."""

    size: Quantity | None = Field(None, description="Kubernetes: sizeLimit.")
    medium: Literal["Memory"] | None = Field(None, description="Memory counts against the memory limit.")


class Volume(Form):
    """A volume and where the task's container sees it. KubernetesPodOperator: volumes and volume_mounts.

    Just one of claim, empty_dir, secret (secret files), config_map.
    """

    path: MountPath = Field(description="Kubernetes: mountPath.")
    name: Name | None = Field(
        None, description="For the mounts of init containers and sidecars; volume-<n> by default."
    )
    claim: LongName | None = Field(None, description="A PersistentVolumeClaim of the tasks' namespace.")
    empty_dir: EmptyDir | None = None
    secret: SecretName | None = Field(None, description="A Secret, each key a file.")
    config_map: LongName | None = Field(None, description="A ConfigMap, each key a file.")
    items: dict[FileKey, SubPath] = Field(
        default_factory=dict, description="Of a Secret or ConfigMap: just these keys, each as the file named."
    )
    mode: Mode | None = Field(None, description="Of a Secret's or ConfigMap's files. Kubernetes: defaultMode.")
    sub_path: SubPath | None = Field(None, description="Kubernetes: subPath.")
    read_only: bool = Field(False, description="Secrets and ConfigMaps always are.")

    @model_validator(mode="after")
    def _one_source(self) -> Volume:
        _one_of(self, "claim", "empty_dir", "secret", "config_map")
        if (self.items or self.mode is not None) and not (self.secret or self.config_map):
            raise ValueError("items and mode beside secret or config_map only")
        return self


def _apart(volumes: tuple[Volume, ...]) -> tuple[Volume, ...]:
    for key in ("path", "name"):
        values = [getattr(volume, key) for volume in volumes if getattr(volume, key) is not None]
        if len(set(values)) < len(values):
            raise ValueError(f"volumes with a {key} of their own")
    return volumes


Volumes = Annotated[tuple[Volume, ...], Field(max_length=50), AfterValidator(_apart)]


class Mount(Form):
    """One of the task's volumes in another container."""

    volume: Name = Field(description="The name of one of the task's volumes.")
    path: MountPath
    sub_path: SubPath | None = None
    read_only: bool = False


class Container(Form):
    """A container beside the task's own, in the same restricted form."""

    name: Name
    image: str | None = Field(None, description="Image type; the task's own when left out.")
    command: Words | None = Field(None, description="Plain words. Kubernetes: command.")
    arguments: Words = Field((), description="Plain words. Kubernetes: args.")
    env: Environment = Field(default_factory=dict)
    env_from: EnvironmentSources = ()
    mounts: tuple[Mount, ...] = Field((), description="Kubernetes: volumeMounts.")
    resources: Resources = Resources()


class Toleration(Form):
    """A taint of nodes that the pod bears."""

    key: QualifiedName | None = None
    operator: Literal["Equal", "Exists"] = "Equal"
    value: Annotated[str, Field(max_length=63, pattern=r"^[-A-Za-z0-9_.]*$")] | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    seconds: Annotated[int, Field(ge=0)] | None = Field(None, description="Kubernetes: tolerationSeconds.")

    @model_validator(mode="after")
    def _key_or_exists(self) -> Toleration:
        if self.key is None and self.operator != "Exists":
            raise ValueError("a key, or operator: Exists")
        if self.value and self.operator == "Exists":
            raise ValueError("no value beside operator: Exists")
        if self.seconds is not None and self.effect != "NoExecute":
            raise ValueError("seconds beside effect: NoExecute only")
        return self


class Security(Form):
    """Beyond the restricted Pod Security Standard, which every pod keeps: who it runs as.

    KubernetesPodOperator: security_context and container_security_context.
    """

    run_as_user: Identity | None = None
    run_as_group: Identity | None = None
    fs_group: Identity | None = Field(None, description="Group of the volumes' files.")
    supplemental_groups: tuple[Identity, ...] = ()
    read_only_root_filesystem: bool | None = None
    privileged: Literal[False] = Field(False, description="Refused.")
    allow_privilege_escalation: Literal[False] = Field(False, description="Refused.")


class Launch(Form):
    """Which cluster the pod is launched in, by the processes of Airflow that launch it."""

    in_cluster: bool = Field(True, description="The cluster that Airflow runs in. Airflow: in_cluster.")
    config_file: MountPath | None = Field(None, description="A kubeconfig there. Airflow: config_file.")
    cluster_context: Annotated[str, Field(max_length=253, pattern=r"^[A-Za-z0-9@:/_.-]+$")] | None = Field(
        None, description="A context of the kubeconfig. Airflow: cluster_context."
    )
    kubernetes_conn_id: ConnectionName | None = Field(
        None, description="A connection of the stack's airflow.connections. Airflow: kubernetes_conn_id."
    )

    @model_validator(mode="after")
    def _one_cluster(self) -> Launch:
        if "in_cluster" in self.model_fields_set and self.in_cluster and (self.config_file or self.cluster_context):
            raise ValueError("in_cluster: false beside config_file or cluster_context")
        return self

    @property
    def inside(self) -> bool | None:
        """Airflow's in_cluster; None leaves it to the connection."""
        if "in_cluster" in self.model_fields_set:
            return self.in_cluster
        if self.config_file or self.cluster_context:
            return False
        return None if self.kubernetes_conn_id else True


class Logs(Form):
    """Which logs become the task's."""

    get_logs: bool = Field(True, description="Airflow: get_logs.")
    containers: tuple[Name, ...] = Field((), description="Besides the task's own: sidecars. Airflow: container_logs.")
    init_containers: tuple[Name, ...] = Field((), description="Airflow: init_container_logs.")
    interval: Seconds | None = Field(
        None, description="Fetch them that often while the task is deferred. Airflow: logging_interval."
    )
    events_on_failure: bool = Field(True, description="Airflow: log_events_on_failure.")
    pod_spec_on_failure: bool = Field(True, description="Airflow: log_pod_spec_on_failure.")
    container_name_prefix: bool = Field(True, description="Airflow: container_name_log_prefix_enabled.")
