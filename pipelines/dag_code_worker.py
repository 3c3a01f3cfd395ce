"""A python or bash task: the pod that the KubernetesExecutor makes for it, and the operator in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pipelines.argument_template import arguments_template, environment_templates, literal_template
from pipelines.dag_code_pod import Writer, beside, template_file
from pipelines.dag_code_shared import Shared, alike
from pipelines.dag_code_task import Generated, group_argument, said_arguments, timedelta
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


@dataclass(frozen=True)
class Workers:
    """What the file says once for its python and bash tasks: of their containers, of their pods, of the tasks."""

    container: Shared
    spec: Shared
    task: Shared


NOTHING_SHARED = Workers(Shared("CONTAINER"), Shared("SPEC"), Shared("WORKER"))


def shared_by(workers: Sequence[Generated]) -> Workers:
    """What these tasks say alike; a pod template says in its place what all others share."""
    some = [one for one in workers if not one.task.pod_template] or workers
    task = Shared("WORKER", alike([_arguments(one, NOTHING_SHARED) for one in some]))
    if "executor_config" in task.values:
        return replace(NOTHING_SHARED, task=task)
    container, spec = alike([_container(one) for one in some]), alike([_spec(one) for one in some])
    return Workers(Shared("CONTAINER", container), Shared("SPEC", spec), task)


def worker_arguments(one: Generated, workers: Workers) -> tuple[Mapping[str, Value], Name | None]:
    """What python and bash tasks both say, and what they unpack."""
    said, unpacked = workers.task.taken_from(_arguments(one, workers))
    return {**said, **group_argument(one)}, unpacked


def _arguments(one: Generated, workers: Workers) -> Mapping[str, Value]:
    executor = one.platform.executor("KubernetesExecutor")
    config: dict[str, Value] = {"pod_override": pod_override(one, workers)}
    if one.task.pod_template:
        config = {"pod_template_file": template_file(one), **config}
    return {
        **({"executor": executor} if executor else {}),
        "executor_config": config,
        "execution_timeout": timedelta(one.task.execution_timeout),
        **said_arguments(one),
    }


def python_arguments(one: Generated) -> dict[str, Value]:
    """Of a PythonOperator: the file's ``run`` calls the entry function of the published source."""
    text = arguments_template(one.task.keywords, one.item)
    return {
        "python_callable": Name("run"),
        "op_args": [one.config.published_as(one.name), one.task.entry or "", text],
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


def pod_override(one: Generated, workers: Workers) -> Value:
    """What the task changes of its worker pod.

    The container is ``base``, and has neither command nor args: the executor sets those.
    """
    container, containers_own = workers.container.taken_from(_container(one))
    spec, specs_own = workers.spec.taken_from(_spec(one))
    metadata = _said(one, METADATA)
    containers = [Call(Name("k8s.V1Container"), container, unpacked=containers_own)]
    pod = model(
        "V1Pod",
        {
            "metadata": model("V1ObjectMeta", metadata) if metadata else None,
            "spec": Call(Name("k8s.V1PodSpec"), {"containers": containers, **spec}, unpacked=specs_own),
        },
    )
    if not one.task.full_pod_spec:
        return pod
    full = from_manifest(one.task.full_pod_spec, "V1Pod", one.catalog)
    return Call(Name("PodGenerator.reconcile_pods"), arguments=[full, pod])


def _container(one: Generated) -> dict[str, Value]:
    based = bool(one.task.pod_template)
    found: dict[str, Value] = {"name": "base"}
    if one.says("image") or not based:
        found |= {"image": one.image, "image_pull_policy": "IfNotPresent"}
    found |= _said(one, CONTAINER)
    if one.says("env_from") or not based:
        found["env_from"] = env_from(one.catalog, one.task.env_from)
    if one.says("resources") or not based:
        found["resources"] = resources(one.task.resources)
    return found


def _spec(one: Generated) -> dict[str, Value]:
    """Of the worker pod, without its containers."""
    found: dict[str, Value] = {}
    if one.task.init_containers or one.task.sidecars:
        found["init_containers"] = beside(one)
    if pull_secrets(one.catalog) and not one.task.pod_template:
        found["image_pull_secrets"] = pull_secrets(one.catalog)
    return found | _said(one, SPEC)


def _said(one: Generated, table: Mapping[str, tuple[str, Writer]]) -> dict[str, Value]:
    found = {key: write(one) for key, (field, write) in table.items() if one.says(field)}
    return {key: value for key, value in found.items() if value is not None}
