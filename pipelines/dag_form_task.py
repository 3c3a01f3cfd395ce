"""One task of a DAG config: what it runs, and what Airflow and Kubernetes are told of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from pipelines.dag_form_pod import (
    Container,
    Environment,
    EnvironmentSources,
    EnvironmentValue,
    Launch,
    Logs,
    Resources,
    Security,
    Toleration,
    Volumes,
)
from pipelines.dag_form_values import (
    Argument,
    Arguments,
    AssetKeys,
    Callback,
    Entry,
    Folders,
    Form,
    Identifier,
    LongName,
    Name,
    PodLabel,
    PodLabelValue,
    QualifiedName,
    Seconds,
    Text,
    Words,
    each_once,
    list_or_record,
)
from pipelines.pod_manifest import Manifest
from pipelines.text_forms import PoolName
from pipelines.validation import LIST, OBJECT

TriggerRule = Literal[
    "all_success",
    "all_failed",
    "all_done",
    "all_done_min_one_success",
    "one_success",
    "one_failed",
    "one_done",
    "none_failed",
    "none_skipped",
    "none_failed_min_one_success",
    "all_skipped",
    "always",
]
OnFinish = Literal["delete_pod", "delete_succeeded_pod", "delete_active_pod", "keep_pod"]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Retries = Annotated[int, Field(ge=0, le=100)]
Containers = Annotated[tuple[Container, ...], Field(max_length=20), AfterValidator(each_once)]


class ResultOf(Form):
    """The list that another task left as its XCom."""

    task: Identifier


Expand = Annotated[
    Annotated[ResultOf, Tag(OBJECT)] | Annotated[tuple[Argument, ...], Field(min_length=1, max_length=1024), Tag(LIST)],
    Discriminator(list_or_record),
]


class TaskDefaults(Form):
    """Fields that the DAG's ``defaults`` may say for all tasks that have them. Airflow: default_args.

    Durations are text such as 10m in the file, seconds in the record.
    """

    image: str | None = Field(None, description="Image type; the DAG's image when left out. Airflow: image.")
    env: Environment = Field(
        default_factory=dict,
        description="Environment variables: plain text, never templates, never secrets; or where the value stands. "
        "Airflow: env_vars.",
    )
    env_from: EnvironmentSources = Field(
        (),
        description="Secrets (pod only) and ConfigMaps whose keys become variables too. Airflow: env_from, configmaps.",
    )
    volumes: Volumes = Field((), description="Airflow: volumes, volume_mounts; secret files too.")
    resources: Resources = Field(Resources(), description="Airflow: container_resources.")
    labels: dict[PodLabel, PodLabelValue] = Field(default_factory=dict, description="Of the pod. Airflow: labels.")
    annotations: dict[QualifiedName, Text] = Field(
        default_factory=dict, description="Of the pod, plain text. Airflow: annotations."
    )
    node_selector: dict[QualifiedName, PodLabelValue] = Field(
        default_factory=dict, description="Labels that a node must have. Airflow: node_selector."
    )
    tolerations: tuple[Toleration, ...] = Field((), description="Airflow: tolerations.")
    affinity: Annotated[dict[str, Any], Manifest("V1Affinity")] = Field(
        default_factory=dict, description="As in a manifest of Kubernetes: nodeAffinity, ... Airflow: affinity."
    )
    priority_class_name: LongName | None = Field(None, description="Airflow: priority_class_name.")
    runtime_class_name: LongName | None = Field(None, description="Airflow: runtime_class_name.")
    service_account_name: LongName | None = Field(
        None, description="The stack's account for task pods when left out. Airflow: service_account_name."
    )
    namespace: Name | None = Field(
        None, description="pod only: the stack's namespace for task pods when left out. Airflow: namespace."
    )
    init_containers: Containers = Field((), description="Run before the task's, one by one. Airflow: init_containers.")
    sidecars: Containers = Field(
        (), description="Run beside the task's container and end with it: init containers with restartPolicy Always."
    )
    security: Security = Field(Security(), description="Airflow: security_context, container_security_context.")
    pod_template: str | None = Field(
        None,
        description="Image type whose generated pod template is the pod's base; fields that the task leaves out come "
        "from it. Airflow: pod_template_file.",
    )
    full_pod_spec: Annotated[dict[str, Any], Manifest("V1Pod")] = Field(
        default_factory=dict,
        description="metadata and spec of a manifest of Kubernetes, for what no field says; fields win, by Airflow's "
        "own rules of merging. The first container is the task's. Airflow: full_pod_spec.",
    )
    termination_grace_period: Seconds | None = Field(None, description="Airflow: termination_grace_period.")
    retries: Retries | None = Field(None, description="The DAG's when left out. Airflow: retries.")
    retry_delay: Seconds | None = Field(None, description="The DAG's when left out. Airflow: retry_delay.")
    retry_exponential_backoff: Annotated[float, Field(ge=1, le=10)] | None = Field(
        None, description="Each delay is that many times the one before. Airflow: retry_exponential_backoff."
    )
    max_retry_delay: Seconds | None = Field(None, description="Airflow: max_retry_delay.")
    execution_timeout: Seconds = Field(
        3600, json_schema_extra={"default": "1h"}, description="How long the code may run. Airflow: execution_timeout."
    )
    startup_timeout: Seconds = Field(
        600,
        json_schema_extra={"default": "10m"},
        description="pod only: how long pulling and starting may take. Airflow: startup_timeout_seconds.",
    )
    schedule_timeout: Seconds | None = Field(
        None,
        description="pod only: how long a node may be looked for; startup_timeout when left out. "
        "Airflow: schedule_timeout_seconds.",
    )
    pool: PoolName | None = Field(None, description="The DAG's when left out. Airflow: pool.")
    pool_slots: Count | None = Field(None, description="Airflow: pool_slots.")
    priority_weight: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] | None = Field(
        None, description="Airflow: priority_weight."
    )
    max_active_tis_per_dag: Count | None = Field(
        None, description="How many of the task run at once, over all runs. Airflow: max_active_tis_per_dag."
    )
    trigger_rule: TriggerRule | None = Field(None, description="all_success when left out. Airflow: trigger_rule.")
    depends_on_past: bool | None = Field(None, description="Airflow: depends_on_past.")
    deferrable: bool = Field(
        True,
        description="pod only: the triggerer watches the pod, no process waits for it. A task that others are expanded "
        "over never is: Airflow's operator, deferred, leaves no list. Airflow: deferrable.",
    )
    poll_interval: Seconds | None = Field(None, description="pod only, deferrable. Airflow: poll_interval.")
    on_finish_action: OnFinish = Field("delete_pod", description="pod only. Airflow: on_finish_action.")
    on_kill_action: Literal["delete_pod", "keep_pod"] | None = Field(
        None, description="pod only. Airflow: on_kill_action."
    )
    skip_on_exit_code: Annotated[int, Field(ge=1, le=255)] | None = Field(
        None, description="pod and bash: an exit code that skips the task. Airflow: skip_on_exit_code."
    )
    logs: Logs = Field(Logs(), description="pod only.")
    launch: Launch = Field(Launch(), description="pod only: the cluster that the pod is launched in.")
    on_execute_callback: Callback | None = Field(None, description="Airflow: on_execute_callback.")
    on_success_callback: Callback | None = Field(None, description="Airflow: on_success_callback.")
    on_failure_callback: Callback | None = Field(None, description="Airflow: on_failure_callback.")
    on_retry_callback: Callback | None = Field(None, description="Airflow: on_retry_callback.")
    on_skipped_callback: Callback | None = Field(None, description="Airflow: on_skipped_callback.")


POD_ONLY = frozenset(
    {
        "command",
        "deferrable",
        "launch",
        "logs",
        "namespace",
        "on_finish_action",
        "on_kill_action",
        "poll_interval",
        "schedule_timeout",
        "startup_timeout",
        "xcom",
    }
)
#: Kind -> the fields that it does not have.
UNREAD: Mapping[str, frozenset[str]] = {
    "pod": frozenset({"script"}),
    "python": POD_ONLY | {"script", "skip_on_exit_code"},
    "bash": POD_ONLY | {"entry"},
}


class Task(TaskDefaults):
    """One task. Durations are text such as 10m in the file, seconds in the record."""

    kind: Literal["pod", "python", "bash"] = Field(
        description="pod: KubernetesPodOperator, a task image. python, bash: KubernetesExecutor, a worker image."
    )
    entry: Entry | None = Field(
        None, description="module:function in the source folder, called as function(**arguments)."
    )
    source: Folders | None = Field(
        None, description="Folder beside the file that holds its code, or several; the DAG's when left out."
    )
    script: Text | None = Field(
        None, description="bash only: what bash runs in the source folder; never a template. Airflow: bash_command."
    )
    command: Annotated[Words, Field(min_length=1)] | None = Field(
        None,
        description="pod only: replaces the image's entry point, and so fetches no source. Strings may be Jinja "
        "templates. Airflow: cmds.",
    )
    arguments: Arguments = Field(
        default_factory=dict,
        description="With an entry: an object of JSON values. With a script: an object, each of it an environment "
        "variable. Without either: a list, KubernetesPodOperator's arguments, for the command or for the image's entry "
        "point; that of the task base runs them in the source folder. Strings may be Jinja templates.",
    )
    depends_on: tuple[Identifier, ...] = Field((), description="Tasks and groups that must have succeeded.")
    group: Identifier | None = Field(None, description="The group that it stands in. Airflow: task_group.")
    expand: Expand | None = Field(
        None,
        description="One run of the task for each item of a list, or of the list that another task returns: "
        "{task: name}. Templates know it as item. Airflow: expand.",
    )
    xcom: bool = Field(
        False, description="pod only: what the function returns becomes the task's XCom. Airflow: do_xcom_push."
    )
    inputs: AssetKeys = Field((), description="Objects of the bucket that it reads. Airflow: inlets.")
    outputs: AssetKeys = Field(
        (), description="Objects of the bucket that it writes; DAGs may be scheduled by them. Airflow: outlets."
    )
    doc_md: Text | None = Field(None, description="In Markdown. Airflow: doc_md.")

    @model_validator(mode="after")
    def _fields_fit_kind(self) -> Task:
        unread = UNREAD[self.kind] & self.model_fields_set
        if unread:
            raise ValueError(f"a {self.kind} task without {', '.join(sorted(unread))}: it has no such thing")
        secret = [source for source in self.env_from if source.secret] + [
            value for value in self.env.values() if isinstance(value, EnvironmentValue) and value.secret
        ]
        if self.kind != "pod" and (secret or any(volume.secret for volume in self.volumes)):
            raise ValueError(f"a {self.kind} task without Secrets: only pods of the tasks' namespace may read them")
        return self

    @model_validator(mode="after")
    def _one_thing_to_run(self) -> Task:
        if self.kind == "python" and not self.entry:
            raise ValueError("a python task with an entry: module:function in the source folder")
        if self.kind == "bash" and not self.script:
            raise ValueError("a bash task with a script")
        if self.entry and self.command:
            raise ValueError("an entry or a command, not both")
        if not self.entry and not self.script and not self.command and not self.words:
            raise ValueError("a task with something to run: an entry, a command, or a list of arguments")
        if (self.entry or self.script) and isinstance(self.arguments, tuple):
            raise ValueError(
                f"an object as the arguments of {'an entry' if self.entry else 'a script'}: names and values"
            )
        if self.command and self.arguments and isinstance(self.arguments, dict):
            raise ValueError("a list as the arguments of a command")
        return self

    @model_validator(mode="after")
    def _mounts_fit_volumes(self) -> Task:
        known = {volume.name for volume in self.volumes}
        beside = (*self.init_containers, *self.sidecars)
        for mount in [mount for container in beside for mount in container.mounts]:
            if mount.volume not in known:
                raise ValueError(f"mounts of volumes that the task names; it has no {mount.volume!r}")
        names = [container.name for container in beside]
        if len(set(names)) < len(names) or "base" in names:
            raise ValueError("containers with names of their own; base is the task's")
        if self.kind != "pod" and any(source.secret for one in beside for source in one.env_from):
            raise ValueError(f"a {self.kind} task without Secrets: only pods of the tasks' namespace may read them")
        return self

    @property
    def words(self) -> tuple[str, ...]:
        """The container's arguments, of a task that runs no function."""
        return self.arguments if isinstance(self.arguments, tuple) else ()

    @property
    def keywords(self) -> dict[str, Any]:
        """The function's arguments."""
        return self.arguments if isinstance(self.arguments, dict) else {}

    @property
    def templated(self) -> dict[str, Any]:
        """Field -> value, of the fields whose strings are Jinja templates."""
        return {"command": self.command or (), "arguments": self.arguments}

    def with_defaults(self, defaults: TaskDefaults) -> Task:
        """The task, with what it leaves out and its kind can have."""
        said = defaults.model_fields_set - self.model_fields_set - UNREAD[self.kind]
        return self.model_copy(update={name: getattr(defaults, name) for name in said})
