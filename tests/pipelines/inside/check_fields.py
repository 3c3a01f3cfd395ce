"""What real Airflow makes of each field of a DAG config."""

import datetime
import enum
import functools
import json
import os
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator
from airflow.sdk import Asset, AssetAll, AssetAny, TaskGroup
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.definitions.xcom_arg import MapXComArg
from airflow.sdk.execution_time import macros
from airflow.serialization.serialized_objects import DagSerialization
from kubernetes.client import ApiClient
from kubernetes.client import models as k8s

FOLDER = Path(os.environ["GENERATED"])
TOLD = json.loads(Path(os.environ["CASES"]).read_text())
WORKER = k8s.V1Pod(
    metadata=k8s.V1ObjectMeta(),
    spec=k8s.V1PodSpec(
        containers=[k8s.V1Container(name="base", image="stock", env=[k8s.V1EnvVar(name="A", value="1")], args=["x"])],
        service_account_name="airflow-worker",
    ),
)
MISSING = object()


class Instance:
    """What a template sees as ti."""

    map_index = 1

    def xcom_pull(self, task_ids):
        return ["no", {"name": "{{ 2 }}" if task_ids == "first" else "?"}]


@pytest.fixture(scope="module")
def dags():
    bag = DagBag(FOLDER, include_examples=False)
    assert bag.import_errors == {}
    return bag.dags


@functools.cache
def again(dag):
    """A DAG as the scheduler knows it."""
    return DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))


def looked_at(dags, dag_id):
    case = TOLD["cases"][dag_id]
    name = case["task"]
    return dags[dag_id].get_task(name)


def alone(task):
    """A copy of the operator, as Airflow makes one for each try."""
    return task.unmap({}) if isinstance(task, MappedOperator) else task.prepare_for_execution()


def manifest(pod):
    return ApiClient().sanitize_for_serialization(pod)


def pod(dag, task, operator):
    if hasattr(operator, "build_pod_request_obj"):
        if operator.in_cluster:
            operator.hook._is_in_cluster = True
        else:
            operator.__dict__["hook"] = type("Hook", (), HOOK)()
        return manifest(operator.build_pod_request_obj())
    known = again(dag).get_task(task.task_id)
    config = known.partial_kwargs["executor_config"] if hasattr(known, "partial_kwargs") else known.executor_config
    return manifest(PodGenerator.reconcile_pods(WORKER, PodGenerator.from_obj(config)))


HOOK = {
    "is_in_cluster": False,
    "get_namespace": lambda self: None,
    "get_xcom_sidecar_container_image": lambda self: None,
    "get_xcom_sidecar_container_resources": lambda self: None,
}


@functools.cache
def rendered(dag, task):
    """Once: rendering changes what a task's copies share."""
    context = {
        "ti": Instance(),
        "run_id": "manual",
        "ds": "2026-01-01",
        "macros": macros,
        "dag": dag,
        "params": {},
        "map_index": 1,
    }
    operator = alone(task)
    operator.render_template_fields(context)
    return operator


PLAIN = {
    datetime.timedelta: lambda value: int(value.total_seconds()),
    datetime.datetime: lambda value: value.isoformat(),
    enum.Enum: lambda value: value.value,
    Asset: lambda value: value.name,
    functools.partial: lambda value: f"partial({value.func.__name__}, {value.args[2]!r})",
    MapXComArg: lambda value: {"kind": f"MapXComArg of {value.arg.operator.task_id}", "each": value.callables[0]("x")},
    set: sorted,
    frozenset: sorted,
}


def plain(value):
    """A value of Airflow's as JSON has it."""
    for kind, told in PLAIN.items():
        if isinstance(value, kind):
            return told(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, str):
        return value.replace(str(FOLDER), "/bundle")
    return value


def of_dag(dag, path):
    name, _, rest = path.partition(".")
    if name == "fileloc_is":
        return "dag_id" if Path(dag.fileloc).stem == dag.dag_id else dag.fileloc
    if name == "timetable":
        table = dag.timetable
        about = getattr(table, "expression", None) or getattr(table, "delta", None)
        return f"{type(table).__name__} {plain(about)}" if about else type(table).__name__
    if name == "timezone":
        return dag.timezone.name
    if name in ("start_date", "end_date"):
        return getattr(again(dag), name).isoformat()
    if name == "assets":
        condition = dag.timetable.asset_condition
        assert isinstance(condition, AssetAll | AssetAny)
        return {type(condition).__name__: [asset.name for asset in condition.objects]}
    if name == "groups":
        group = dag.task_group.get_child_by_label(rest.partition(".")[0])
        assert isinstance(group, TaskGroup)
        about = {"tooltip": group.tooltip, "prefix": group.prefix_group_id, "children": list(group.children)}
        return step(about, rest.partition(".")[2])
    if name == "params":
        parameter, _, rest = rest.partition(".")
        return step(vars(dag.params.get_param(parameter)), rest)
    return step(dag, path)


def step(value, path):
    for part in path.split(".") if path else ():
        if isinstance(value, list | tuple) and part.lstrip("-").isdigit():
            value = value[int(part)]
        elif isinstance(value, list):
            found = next(item for item in value if item["name"] == part)
            value = found.get("value", found.get("valueFrom"))
        elif isinstance(value, dict):
            # A key may have dots itself; nobody asks for what is below such a one.
            value = value.get(part)
        else:
            value = getattr(value, part, None)
    return value


def of_task(task, path):
    if isinstance(task, MappedOperator) and not path.startswith("expand_input"):
        return step(task.partial_kwargs, path)
    if path.startswith("expand_input.value"):
        return step(plain(task.expand_input.value), path.removeprefix("expand_input.value").strip("."))
    return step(task, path)


@pytest.mark.parametrize("dag_id", TOLD["cases"], ids=lambda dag_id: TOLD["cases"][dag_id]["name"])
def test_field(dags, dag_id):
    case = TOLD["cases"][dag_id]
    dag, task = dags[dag_id], looked_at(dags, dag_id)
    found = {}
    for where, path, _ in case["expected"]:
        if where == "dag":
            found[where, path] = of_dag(dag, path)
        elif where == "task":
            found[where, path] = of_task(task, path)
        elif where in ("pod", "base"):
            made = pod(dag, task, alone(task))
            found[where, path] = step(made if where == "pod" else made["spec"]["containers"][0], path)
        elif where == "rendered":
            found[where, path] = step(pod(dag, task, rendered(dag, task)), path)
        else:
            found[where, path] = step(rendered(dag, task), path)
    for where, path, expected in case["expected"]:
        wanted = expected
        if isinstance(expected, str):
            wanted = expected.replace("/bundle/sources/dag_id", f"/bundle/sources/{dag_id}")
            for type_, image in TOLD["images"].items():
                wanted = wanted.replace("{" + type_ + "}", image)
        assert plain(found[where, path]) == wanted, (where, path)


def test_dags_survive_serialization(dags):
    for dag in dags.values():
        assert set(again(dag).task_dict) == set(dag.task_dict)
