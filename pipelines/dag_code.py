"""One DAG config as the source of one DAG file: self-contained, and the same bytes for the same config and catalog."""

from __future__ import annotations

import keyword
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from pipelines.argument_template import arguments_template, literal_template, word_template
from pipelines.catalog import Catalog
from pipelines.dag_config import DagConfig
from pipelines.dag_form import Dag, Task
from pipelines.dag_pods import env_from, pod_override, resources, shared_of_pods, unexpanded
from pipelines.published_paths import SOURCES_PREFIX
from pipelines.python_source import Call, Name, Value, literal, written

# Pod names end in a suffix of nine characters that the provider adds.
LONGEST_POD_NAME = 54
# The names that the generated file itself uses; a task of that name gets an underscore.
TAKEN = frozenset(("airflow", "call", "datetime", "json", "k8s", "task", "timedelta", "tuple", "print", "arguments"))


def dag_source(config: DagConfig, catalog: Catalog) -> str:
    """The text of ``<dag_id>.py``. Raises KeyError for an image that is not in the catalog."""
    dag = config.dag
    kinds = {task.kind for task in dag.tasks.values()}
    shared = _secrets_of_all(dag)
    body = [f"with {written(_dag(dag), before=5, after=1)}:"]
    for name, task in dag.tasks.items():
        body += _EMITTERS[task.kind](config, name, task, catalog)
    body += _order(dag)
    parts = [*_header(config, catalog), *_imports(kinds)]
    if "pod" in kinds:
        parts += [f"POD = {written(shared_of_pods(catalog, shared), before=6)}", ""]
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
            "schedule": dag.schedule if isinstance(dag.schedule, str) else None,
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


def _pod_task(config: DagConfig, name: str, task: Task, catalog: Catalog) -> Iterator[str]:
    deadline = task.startup_timeout + task.execution_timeout
    source = config.source.sha256
    own = env_from(catalog, config.dag.secrets_of(name))
    operator = Call(
        Name("KubernetesPodOperator"),
        {
            "task_id": name,
            "name": f"{config.dag_id}-{name}".replace("_", "-")[:LONGEST_POD_NAME].rstrip("-"),
            "image": catalog.images[config.dag.image_of(name)].pinned,
            "env_vars": {
                **{variable: literal_template(unexpanded(str(text))) for variable, text in sorted(task.env.items())},
                "TASK_SOURCE": f"{SOURCES_PREFIX}/{source}.tar.gz",
                "TASK_SOURCE_SHA256": source,
                **(
                    {"TASK_ENTRY": task.entry, "TASK_ARGUMENTS": arguments_template(task.keywords)}
                    if task.entry
                    else {}
                ),
            },
            **({"cmds": [word_template(word) for word in task.command]} if task.command else {}),
            **({"arguments": [word_template(word) for word in task.words]} if task.words else {}),
            "container_resources": resources(task.resources),
            "startup_timeout_seconds": task.startup_timeout,
            "active_deadline_seconds": deadline,
            "execution_timeout": _timedelta(deadline),
            "do_xcom_push": task.xcom,
            **({} if task.retries is None else {"retries": task.retries}),
            **_pool(config.dag, name),
            **({} if _secrets_of_all(config.dag) is not None else {"env_from": own}),
        },
        unpacked=Name("POD"),
    )
    variable = _variable(name)
    yield f"    {variable} = {written(operator, 1, before=len(variable) + 3)}"


def _python_task(config: DagConfig, name: str, task: Task, catalog: Catalog) -> Iterator[str]:
    executor = catalog.platform.executor("KubernetesExecutor")
    image = catalog.images[config.dag.image_of(name)].pinned
    decorator = Call(
        Name("task"),
        {
            "task_id": name,
            **({"executor": executor} if executor else {}),
            "executor_config": {"pod_override": pod_override(image, task, catalog)},
            "execution_timeout": _timedelta(task.execution_timeout),
            **({} if task.retries is None else {"retries": task.retries}),
            **_pool(config.dag, name),
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
            task.entry or "",
            Call(Name("json.loads"), arguments=[Name("arguments")]),
        ],
    )
    applied = Call(Name(function), arguments=[arguments_template(task.keywords)])
    yield ""
    yield f"    @{written(decorator, 1, before=1)}"
    yield f"    def {function}(arguments):"
    yield "        from airflow_runtime.source import call"
    yield ""
    yield f"        return {written(called, 2, before=7)}"
    yield ""
    yield f"    {variable} = {written(applied, 1, before=len(variable) + 3)}"


_EMITTERS = {"pod": _pod_task, "python": _python_task}


def _order(dag: Dag) -> Iterator[str]:
    waits = [(name, task.depends_on) for name, task in dag.tasks.items() if task.depends_on]
    if waits:
        yield ""
    for name, others in waits:
        names = [Name(_variable(other)) for other in others]
        yield f"    {written(names if len(names) > 1 else names[0], 1, after=4 + len(name))} >> {_variable(name)}"


def _pool(dag: Dag, task: str) -> dict[str, Value]:
    pool = dag.pool_of(task)
    return {"pool": pool} if pool else {}


def _secrets_of_all(dag: Dag) -> tuple[str, ...] | None:
    """What every pod task's ``env_from`` names, None where they differ: then no dictionary can say it for all."""
    found = {dag.secrets_of(name) for name, task in dag.tasks.items() if task.kind == "pod"}
    return found.pop() if len(found) == 1 else None


def _timedelta(seconds: int) -> Call:
    return Call(Name("timedelta"), {"seconds": seconds})


def _variable(task: str) -> str:
    return f"{task}_" if task in TAKEN or keyword.iskeyword(task) else task
