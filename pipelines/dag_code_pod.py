"""A pod task as the arguments of a KubernetesPodOperator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipelines.argument_template import arguments_template, literal_template, word_template
from pipelines.dag_code_task import Generated, group_argument, said_arguments, timedelta
from pipelines.dag_form_pod import EnvironmentValue
from pipelines.dag_pods import (
    container,
    container_security,
    env_from,
    from_manifest,
    pod_security,
    pull_secrets,
    resources,
    tolerations,
    unexpanded,
    variable,
    volume_mounts,
    volumes,
)
from pipelines.published_paths import SOURCES_PREFIX
from pipelines.python_source import Call, Name, Unpacked, Value

# Pod names end in a suffix of nine characters that the provider adds.
LONGEST_POD_NAME = 54
#: The file's name for the variables that tell where the code is.
SOURCE = "SOURCE"

Writer = Callable[[Generated], Value]

#: Argument of the operator -> where a full_pod_spec says the same. What it says there is not said again.
SAID_BY_MANIFEST: Mapping[str, tuple[str | int, ...]] = {
    "namespace": ("metadata", "namespace"),
    "service_account_name": ("spec", "serviceAccountName"),
    "automount_service_account_token": ("spec", "automountServiceAccountToken"),
    "image_pull_secrets": ("spec", "imagePullSecrets"),
    "image_pull_policy": ("spec", "containers", 0, "imagePullPolicy"),
    "image": ("spec", "containers", 0, "image"),
    "security_context": ("spec", "securityContext"),
    "container_security_context": ("spec", "containers", 0, "securityContext"),
    "container_resources": ("spec", "containers", 0, "resources"),
}

#: Argument -> (fields that say it, what is written). These hold for every pod; a pod template says them in their place,
#: where the task says none of the fields.
OF_EVERY_POD: Mapping[str, tuple[tuple[str, ...], Writer]] = {
    "namespace": (("namespace",), lambda one: one.task.namespace or one.platform.tasks_namespace),
    "service_account_name": (
        ("service_account_name",),
        lambda one: one.task.service_account_name or one.platform.service_account,
    ),
    "automount_service_account_token": ((), lambda one: False),
    "image_pull_secrets": ((), lambda one: pull_secrets(one.catalog) or None),
    "image_pull_policy": ((), lambda one: "IfNotPresent"),
    "env_from": (("env_from",), lambda one: env_from(one.catalog, (*one.dag.env_from, *one.task.env_from))),
    "security_context": (("security",), lambda one: pod_security(one.task.security)),
    "container_security_context": (("security",), lambda one: container_security(one.task.security)),
}
#: How Airflow launches and follows the pod, whatever the pod is.
OF_EVERY_LAUNCH: Mapping[str, Writer] = {
    "executor": lambda one: one.platform.executor("LocalExecutor"),
    "in_cluster": lambda one: one.task.launch.inside,
    # KubernetesPodOperator pushes the XCom of a deferred task itself, without its length, and Airflow then fails the
    # task that others are expanded over: XComForMappingNotPushed.
    "deferrable": lambda one: one.task.deferrable and not one.dag.gives_a_list(one.name),
    "startup_check_interval_seconds": lambda one: 1,
    "log_events_on_failure": lambda one: one.task.logs.events_on_failure,
    "on_finish_action": lambda one: one.task.on_finish_action,
    "startup_timeout_seconds": lambda one: one.task.startup_timeout,
    "active_deadline_seconds": lambda one: deadline(one),
    "execution_timeout": lambda one: timedelta(deadline(one)),
    "do_xcom_push": lambda one: one.task.xcom,
}
#: Argument -> (field, what is written), where the task or the DAG's defaults say the field.
WHERE_SAID: Mapping[str, tuple[str, Writer]] = {
    "labels": ("labels", lambda one: one.task.labels),
    "annotations": (
        "annotations",
        lambda one: {key: literal_template(value) for key, value in one.task.annotations.items()},
    ),
    "node_selector": ("node_selector", lambda one: one.task.node_selector),
    "tolerations": ("tolerations", lambda one: tolerations(one.task.tolerations)),
    "affinity": ("affinity", lambda one: from_manifest(one.task.affinity, "V1Affinity", one.catalog)),
    "priority_class_name": ("priority_class_name", lambda one: one.task.priority_class_name),
    "runtime_class_name": ("runtime_class_name", lambda one: one.task.runtime_class_name),
    "volumes": ("volumes", lambda one: volumes(one.task.volumes)),
    "volume_mounts": ("volumes", lambda one: volume_mounts(one.task.volumes)),
    "termination_grace_period": ("termination_grace_period", lambda one: one.task.termination_grace_period),
    "schedule_timeout_seconds": ("schedule_timeout", lambda one: one.task.schedule_timeout),
    "poll_interval": ("poll_interval", lambda one: one.task.poll_interval),
    "on_kill_action": ("on_kill_action", lambda one: one.task.on_kill_action),
    "config_file": ("launch", lambda one: one.task.launch.config_file),
    "cluster_context": ("launch", lambda one: one.task.launch.cluster_context),
    "kubernetes_conn_id": ("launch", lambda one: one.task.launch.kubernetes_conn_id),
    "get_logs": ("logs", lambda one: None if one.task.logs.get_logs else False),
    "container_logs": ("logs", lambda one: ["base", *one.task.logs.containers] if one.task.logs.containers else None),
    "init_container_logs": ("logs", lambda one: list(one.task.logs.init_containers) or None),
    "logging_interval": ("logs", lambda one: one.task.logs.interval),
    "log_pod_spec_on_failure": ("logs", lambda one: None if one.task.logs.pod_spec_on_failure else False),
    "container_name_log_prefix_enabled": ("logs", lambda one: None if one.task.logs.container_name_prefix else False),
}


def deadline(one: Generated) -> int:
    """Seconds that the pod may be there: found a node, started, run."""
    return one.task.startup_timeout + (one.task.schedule_timeout or 0) + one.task.execution_timeout


def shareable(one: Generated) -> dict[str, Value]:
    """The arguments that other pod tasks of the DAG may well have too."""
    found: dict[str, Value] = {}
    if one.says("image") or not _said_elsewhere(one, "image"):
        found["image"] = one.image
    for argument, (fields, write) in OF_EVERY_POD.items():
        if one.task.model_fields_set.intersection(fields) or not _said_elsewhere(one, argument):
            found[argument] = write(one)
    if one.says("resources") or not _said_elsewhere(one, "container_resources"):
        found["container_resources"] = resources(one.task.resources)
    found |= {argument: write(one) for argument, write in OF_EVERY_LAUNCH.items()}
    found |= {argument: write(one) for argument, (field, write) in WHERE_SAID.items() if one.says(field)}
    if one.task.init_containers or one.task.sidecars:
        found["init_containers"] = beside(one)
    return {argument: value for argument, value in found.items() if value is not None}


def of_its_own(one: Generated) -> dict[str, Value]:
    """The arguments of just this task, beside its name."""
    task = one.task
    found: dict[str, Value] = {
        "name": f"{one.config.dag_id}-{one.name}".replace("_", "-")[:LONGEST_POD_NAME].rstrip("-"),
    }
    if task.pod_template:
        found["pod_template_file"] = template_file(one)
    if task.full_pod_spec:
        found["full_pod_spec"] = from_manifest(task.full_pod_spec, "V1Pod", one.catalog)
    found["env_vars"] = _env_vars(one)
    if task.command:
        found["cmds"] = [word_template(word, one.item) for word in task.command]
    if task.words:
        found["arguments"] = [word_template(word, one.item) for word in task.words]
    if task.skip_on_exit_code is not None:
        found["skip_on_exit_code"] = task.skip_on_exit_code
    return found | said_arguments(one) | group_argument(one)


def beside(one: Generated) -> list[Value]:
    """Sidecars first: an init container may need one."""
    image = one.dag.image_of(one.name)
    return [
        *(container(wanted, image, one.catalog, sidecar=True) for wanted in one.task.sidecars),
        *(container(wanted, image, one.catalog, sidecar=False) for wanted in one.task.init_containers),
    ]


def template_file(one: Generated) -> Call:
    """The pod template of an image type, in the version of the DAG files that the run was started with."""
    return Call(
        Name("str"), arguments=[Call(Name("POD_TEMPLATES.joinpath"), arguments=[f"{one.task.pod_template}.yaml"])]
    )


def _said_elsewhere(one: Generated, argument: str) -> bool:
    return bool(one.task.pod_template) or _at(one.task.full_pod_spec, SAID_BY_MANIFEST.get(argument, ()))


def _at(manifest: Any, path: Sequence[str | int]) -> bool:
    """Whether a manifest says anything at a path."""
    here = manifest
    for step in path:
        if isinstance(step, int):
            here = here[step] if isinstance(here, list) and len(here) > step else None
        else:
            here = here.get(step) if isinstance(here, dict) else None
    return bool(path) and here is not None


def source_variables(sha256: str) -> list[Value]:
    """Where the task base's entry point finds the code of the DAG's tasks."""
    return _variables({"TASK_SOURCE": f"{SOURCES_PREFIX}/{sha256}.tar.gz", "TASK_SOURCE_SHA256": sha256})


def _env_vars(one: Generated) -> list[Value]:
    said: dict[str, str | EnvironmentValue] = {
        name: literal_template(unexpanded(value)) if isinstance(value, str) else value
        for name, value in sorted(one.task.env.items())
    }
    if one.task.entry:
        said |= {"TASK_ENTRY": one.task.entry, "TASK_ARGUMENTS": arguments_template(one.task.keywords, one.item)}
    own = one.config.own_sources.get(one.name)
    where: list[Value] = source_variables(own.sha256) if own else [Unpacked(Name(SOURCE))]
    return [*where, *_variables(said)]


def _variables(said: Mapping[str, str | EnvironmentValue]) -> list[Value]:
    """As a manifest has them: Airflow passes those on as they are, and makes a model of each pair of a dictionary."""
    return [variable(name, value) for name, value in said.items()]
