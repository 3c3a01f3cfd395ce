"""A python or bash task: the pod that the KubernetesExecutor makes for it, and the operator in it."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.argument_template import environment_templates, literal_template
from pipelines.dag_code_pod import Writer, beside, template_file
from pipelines.dag_code_task import Generated, said_arguments, timedelta
from pipelines.dag_pods import (
    container_security,
    env_from,
    from_manifest,
    model,
    pod_security,
    pull_secrets,
    resources,
    tolerations,
    variables,
    volume_mounts,
    volumes,
)
from pipelines.published_paths import SOURCES
from pipelines.python_source import Call, Name, Value

#: Key of the container, the spec or the metadata -> (field, what is written), where the task says the field.
CONTAINER: Mapping[str, tuple[str, Writer]] = {
    "env": ("env", lambda one: variables(one.task.env) or None),
    "volume_mounts": ("volumes", lambda one: volume_mounts(one.task.volumes) or None),
    "security_context": ("security", lambda one: container_security(one.task.security)),
}
SPEC: Mapping[str, tuple[str, Writer]] = {
    "node_selector": ("node_selector", lambda one: one.task.node_selector),
    "tolerations": ("tolerations", lambda one: tolerations(one.task.tolerations)),
    "affinity": ("affinity", lambda one: from_manifest(one.task.affinity, "V1Affinity", one.catalog)),
    "priority_class_name": ("priority_class_name", lambda one: one.task.priority_class_name),
    "runtime_class_name": ("runtime_class_name", lambda one: one.task.runtime_class_name),
    "service_account_name": ("service_account_name", lambda one: one.task.service_account_name),
    "volumes": ("volumes", lambda one: volumes(one.task.volumes) or None),
    "security_context": ("security", lambda one: pod_security(one.task.security)),
    "termination_grace_period_seconds": ("termination_grace_period", lambda one: one.task.termination_grace_period),
}
METADATA: Mapping[str, tuple[str, Writer]] = {
    "labels": ("labels", lambda one: one.task.labels),
    "annotations": ("annotations", lambda one: one.task.annotations),
}


def worker_arguments(one: Generated) -> dict[str, Value]:
    """What python and bash tasks both say."""
    executor = one.platform.executor("KubernetesExecutor")
    config: dict[str, Value] = {"pod_override": pod_override(one)}
    if one.task.pod_template:
        config = {"pod_template_file": template_file(one), **config}
    return {
        "task_id": one.name,
        **({"executor": executor} if executor else {}),
        "executor_config": config,
        "execution_timeout": timedelta(one.task.execution_timeout),
        **said_arguments(one),
    }


def bash_arguments(one: Generated) -> dict[str, Value]:
    """Of a BashOperator: the script stays as it is, the arguments are variables of its environment."""
    # A last line end means nothing to bash, and is seldom meant.
    script = (one.task.script or "").rstrip("\n")
    found: dict[str, Value] = {"bash_command": literal_template(script)}
    if one.task.keywords:
        found["env"] = environment_templates(one.task.keywords, one.item)
    if one.task.skip_on_exit_code is not None:
        found["skip_on_exit_code"] = one.task.skip_on_exit_code
    folder = '{{ dag.fileloc.rpartition("/")[0] }}/' + f"{SOURCES}/{one.config.published_as(one.name)}"
    return {**found, "append_env": True, "cwd": folder}


def pod_override(one: Generated) -> Value:
    """What the task changes of its worker pod.

    The container is ``base``, and has neither command nor args: the executor sets those.
    """
    based = bool(one.task.pod_template)
    container: dict[str, Value] = {"name": "base"}
    if one.says("image") or not based:
        container |= {"image": one.image, "image_pull_policy": "IfNotPresent"}
    container |= _said(one, CONTAINER)
    if one.says("env_from") or not based:
        container["env_from"] = env_from(one.catalog, one.task.env_from)
    if one.says("resources") or not based:
        container["resources"] = resources(one.task.resources)
    spec: dict[str, Value] = {"containers": [model("V1Container", container)]}
    if one.task.init_containers or one.task.sidecars:
        spec["init_containers"] = beside(one)
    if pull_secrets(one.catalog) and not based:
        spec["image_pull_secrets"] = pull_secrets(one.catalog)
    spec |= _said(one, SPEC)
    metadata = _said(one, METADATA)
    pod = model(
        "V1Pod",
        {"metadata": model("V1ObjectMeta", metadata) if metadata else None, "spec": model("V1PodSpec", spec)},
    )
    if not one.task.full_pod_spec:
        return pod
    full = from_manifest(one.task.full_pod_spec, "V1Pod", one.catalog)
    return Call(Name("PodGenerator.reconcile_pods"), arguments=[full, pod])


def _said(one: Generated, table: Mapping[str, tuple[str, Writer]]) -> dict[str, Value]:
    found = {key: write(one) for key, (field, write) in table.items() if one.says(field)}
    return {key: value for key, value in found.items() if value is not None}
