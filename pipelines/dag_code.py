"""One DAG config as the source of one DAG file: self-contained, and the same bytes for the same config and catalog."""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from pipelines.argument_template import arguments_template, literal_template
from pipelines.catalog import Catalog
from pipelines.dag_config import DagConfig
from pipelines.dag_form import Dag, Resources, Task
from pipelines.python_source import Call, Name, Value, literal, written

SOURCES = "dags/sources"
# Pod names end in a suffix of nine characters that the provider adds.
LONGEST_POD_NAME = 54
# The names that the generated file itself uses; a task of that name gets an underscore.
TAKEN = frozenset(("airflow", "call", "datetime", "json", "k8s", "task", "timedelta", "tuple", "print", "arguments"))

RESTRICTED = Call(
    Name("k8s.V1SecurityContext"),
    {
        "allow_privilege_escalation": False,
        "capabilities": Call(Name("k8s.V1Capabilities"), {"drop": ["ALL"]}),
        "run_as_non_root": True,
        "seccomp_profile": Call(Name("k8s.V1SeccompProfile"), {"type": "RuntimeDefault"}),
    },
)
RESTRICTED_POD = Call(
    Name("k8s.V1PodSecurityContext"),
    {
        "run_as_non_root": True,
        "seccomp_profile": Call(Name("k8s.V1SeccompProfile"), {"type": "RuntimeDefault"}),
    },
)


def dag_source(config: DagConfig, catalog: Catalog) -> str:
    """The text of ``<dag_id>.py``. Raises KeyError for an image that is not in the catalog."""
    dag = config.dag
    kinds = {task.kind for task in dag.tasks.values()}
    body = [f"with {written(_dag(dag), before=5, after=1)}:"]
    for name, task in dag.tasks.items():
        body += _EMITTERS[task.kind](config, name, task, catalog)
    body += _order(dag)
    parts = [*_header(config, catalog), *_imports(kinds)]
    if "pod" in kinds:
        parts += [f"POD = {written(_pod(catalog), before=6)}", ""]
    return "\n".join([*parts, *body]) + "\n"


def _header(config: DagConfig, catalog: Catalog) -> Iterator[str]:
    types = sorted({config.dag.image_of(name) for name in config.dag.tasks})
    yield f"# Generated from {_comment(config.file)}: change that file, not this one."
    yield f"# config sha256:{config.sha256}"
    yield f"# source sha256:{config.source.sha256}"
    for type_ in types:
        yield f"# image  {_comment(catalog.images[type_].pinned)}"


def _comment(text: str) -> str:
    return literal(text)[1:-1]


def _imports(kinds: AbstractSet[str]) -> Iterator[str]:
    if "python" in kinds:
        yield "import json"
    yield "from datetime import UTC, datetime, timedelta"
    yield ""
    if "pod" in kinds:
        yield "from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator"
    else:
        # The DAG processor imports a file's airflow.* modules once, before it forks for each file. This one brings the
        # kubernetes models along; imported by the file alone they would cost each fork 0.4 s and 40 MB.
        yield "import airflow.providers.cncf.kubernetes.secret  # noqa: F401 - kubernetes models, once for all files"
    yield f"from airflow.sdk import {'DAG, task' if 'python' in kinds else 'DAG'}"
    yield "from kubernetes.client import models as k8s"
    yield ""


def _dag(dag: Dag) -> Call:
    start = [dag.start_date.year, dag.start_date.month, dag.start_date.day]
    return Call(
        Name("DAG"),
        {
            "dag_id": dag.dag_id,
            **({"description": dag.description} if dag.description else {}),
            "schedule": dag.schedule,
            "start_date": Call(Name("datetime"), {"tzinfo": Name("UTC")}, start),
            "catchup": dag.catchup,
            "tags": list(dag.tags),
            "default_args": {
                "owner": dag.owner,
                "retries": dag.retries,
                "retry_delay": _timedelta(dag.retry_delay),
            },
        },
    )


def _pod(catalog: Catalog) -> Mapping[str, Value]:
    """What all pods of a DAG file share."""
    platform = catalog.platform
    executor = platform.executor("LocalExecutor")
    secrets: list[Value] = [Call(Name("k8s.V1LocalObjectReference"), {"name": platform.pull_secret})]
    return {
        "namespace": platform.tasks_namespace,
        "service_account_name": platform.service_account,
        "automount_service_account_token": False,
        **({"image_pull_secrets": secrets} if platform.pull_secret else {}),
        "image_pull_policy": "IfNotPresent",
        "env_from": [_env_from(catalog)],
        "security_context": RESTRICTED_POD,
        "container_security_context": RESTRICTED,
        **({"executor": executor} if executor else {}),
        "in_cluster": True,
        "deferrable": True,
        "startup_check_interval_seconds": 1,
        "log_events_on_failure": True,
        "on_finish_action": "delete_pod",
    }


def _pod_task(config: DagConfig, name: str, task: Task, catalog: Catalog) -> Iterator[str]:
    deadline = task.startup_timeout + task.execution_timeout
    source = config.source.sha256
    operator = Call(
        Name("KubernetesPodOperator"),
        {
            "task_id": name,
            "name": f"{config.dag_id}-{name}".replace("_", "-")[:LONGEST_POD_NAME].rstrip("-"),
            "image": catalog.images[config.dag.image_of(name)].pinned,
            "env_vars": {
                **{variable: literal_template(_unexpanded(text)) for variable, text in sorted(task.env.items())},
                "TASK_SOURCE": f"{SOURCES}/{source}.tar.gz",
                "TASK_SOURCE_SHA256": source,
                "TASK_ENTRY": task.entry,
                "TASK_ARGUMENTS": arguments_template(task.arguments),
            },
            "container_resources": _resources(task.resources),
            "startup_timeout_seconds": task.startup_timeout,
            "active_deadline_seconds": deadline,
            "execution_timeout": _timedelta(deadline),
            "do_xcom_push": task.xcom,
            **({} if task.retries is None else {"retries": task.retries}),
        },
        unpacked=Name("POD"),
    )
    variable = _variable(name)
    yield f"    {variable} = {written(operator, 1, before=len(variable) + 3)}"


def _python_task(config: DagConfig, name: str, task: Task, catalog: Catalog) -> Iterator[str]:
    executor = catalog.platform.executor("KubernetesExecutor")
    decorator = Call(
        Name("task"),
        {
            "task_id": name,
            **({"executor": executor} if executor else {}),
            "executor_config": {"pod_override": _override(config, name, task, catalog)},
            "execution_timeout": _timedelta(task.execution_timeout),
            **({} if task.retries is None else {"retries": task.retries}),
        },
    )
    variable, function = _variable(name), f"run_{name}"
    if function in config.dag.tasks:
        function += "_"
    called = Call(
        Name("call"),
        arguments=[
            Name("__file__"),
            config.dag_id,
            task.entry,
            Call(Name("json.loads"), arguments=[Name("arguments")]),
        ],
    )
    applied = Call(Name(function), arguments=[arguments_template(task.arguments)])
    yield ""
    yield f"    @{written(decorator, 1, before=1)}"
    yield f"    def {function}(arguments):"
    yield "        from airflow_runtime.source import call"
    yield ""
    yield f"        return {written(called, 2, before=7)}"
    yield ""
    yield f"    {variable} = {written(applied, 1, before=len(variable) + 3)}"


_EMITTERS = {"pod": _pod_task, "python": _python_task}


def _override(config: DagConfig, name: str, task: Task, catalog: Catalog) -> Call:
    """The container is ``base``, and has neither command nor args: the executor sets those."""
    platform = catalog.platform
    env: list[Value] = [
        Call(Name("k8s.V1EnvVar"), {"name": variable, "value": _unexpanded(text)})
        for variable, text in sorted(task.env.items())
    ]
    container = Call(
        Name("k8s.V1Container"),
        {
            "name": "base",
            "image": catalog.images[config.dag.image_of(name)].pinned,
            "image_pull_policy": "IfNotPresent",
            **({"env": env} if env else {}),
            "env_from": [_env_from(catalog)],
            "resources": _resources(task.resources),
        },
    )
    secrets: list[Value] = [Call(Name("k8s.V1LocalObjectReference"), {"name": platform.pull_secret})]
    spec: dict[str, Value] = {"containers": [container]}
    if platform.pull_secret:
        spec["image_pull_secrets"] = secrets
    return Call(Name("k8s.V1Pod"), {"spec": Call(Name("k8s.V1PodSpec"), spec)})


def _order(dag: Dag) -> Iterator[str]:
    waits = [(name, task.depends_on) for name, task in dag.tasks.items() if task.depends_on]
    if waits:
        yield ""
    for name, others in waits:
        names = [Name(_variable(other)) for other in others]
        yield f"    {written(names if len(names) > 1 else names[0], 1, after=4 + len(name))} >> {_variable(name)}"


def _resources(resources: Resources) -> Call:
    return Call(
        Name("k8s.V1ResourceRequirements"),
        {
            kind: {"cpu": amounts.cpu, "memory": amounts.memory}
            for kind, amounts in (("requests", resources.requests), ("limits", resources.limits))
        },
    )


def _env_from(catalog: Catalog) -> Call:
    secret = Call(Name("k8s.V1SecretEnvSource"), {"name": catalog.platform.object_store_secret})
    return Call(Name("k8s.V1EnvFromSource"), {"secret_ref": secret})


def _unexpanded(text: str) -> str:
    """Kubernetes expands $(NAME) in a container's variables; a doubled dollar sign is a plain one."""
    return text.replace("$", "$$")


def _timedelta(seconds: int) -> Call:
    return Call(Name("timedelta"), {"seconds": seconds})


def _variable(task: str) -> str:
    return f"{task}_" if task in TAKEN or keyword.iskeyword(task) else task
