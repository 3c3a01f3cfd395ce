"""Each example's pod, as Airflow makes it of the generated file, against what the example specifies."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator
from kubernetes.client import ApiClient
from kubernetes.client import models as k8s

FOLDER = Path(os.environ["GENERATED"])
EXAMPLES = json.loads(Path(os.environ["EXAMPLES"]).read_text())
IMAGES = {
    f"<{type_}>": f"{one['reference']}@{one['digest']}"
    for type_, one in json.loads((FOLDER / "images.json").read_text())["images"].items()
}
ANY = "*"
#: What tells the items of a list apart; other lists are compared whole.
IDENTITIES = ("mountPath", "name", "configMapRef", "secretRef")
WORKER = k8s.V1Pod(
    metadata=k8s.V1ObjectMeta(), spec=k8s.V1PodSpec(containers=[k8s.V1Container(name="base", image="stock")])
)


@pytest.fixture(scope="module")
def tasks():
    bag = DagBag(FOLDER, include_examples=False)
    assert bag.import_errors == {}
    return {dag_id: (dag, dag.get_task("only")) for dag_id, dag in bag.dags.items()}


def pod_of(dag, task):
    if task.task_type != "KubernetesPodOperator":
        return PodGenerator.reconcile_pods(WORKER, PodGenerator.from_obj(task.executor_config))
    task = task.prepare_for_execution()
    task.render_template_fields({"dag": dag, "task": task, "params": {}, "ti": SimpleNamespace()})
    task.__dict__["hook"] = SimpleNamespace(
        is_in_cluster=task.in_cluster,
        get_namespace=lambda: None,
        get_xcom_sidecar_container_image=lambda: None,
        get_xcom_sidecar_container_resources=lambda: None,
    )
    return task.build_pod_request_obj()


def as_run(value):
    """What the container gets: Kubernetes makes one of two dollar signs."""
    if isinstance(value, dict):
        return {key: as_run(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_run(item) for item in value]
    return value.replace("$$", "$") if isinstance(value, str) else value


def differences(wanted, found, where="pod"):
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [text for key in wanted for text in differences(wanted[key], found.get(key), f"{where}.{key}")]
    if isinstance(wanted, list) and isinstance(found, list) and wanted and isinstance(wanted[0], dict):
        return differences_of_items(wanted, found, where)
    wanted = IMAGES.get(wanted, wanted) if isinstance(wanted, str) else wanted
    return [] if wanted in (ANY, found) else [f"{where}: {wanted!r} is wanted, {found!r} is there"]


def differences_of_items(wanted, found, where):
    identity = next((key for key in IDENTITIES if key in wanted[0] and wanted[0][key] != ANY), None)
    if identity is None or where.endswith(("tolerations", "imagePullSecrets", "hostAliases")):
        if len(wanted) != len(found):
            return [f"{where}: {wanted!r} is wanted, {found!r} is there"]
        pairs = list(zip(wanted, found, strict=True))
    else:
        pairs = [(one, next((item for item in found if resembles(one, item)), {})) for one in wanted]
    return [text for n, (one, item) in enumerate(pairs) for text in differences(one, item, f"{where}[{n}]")]


def resembles(wanted, found):
    """Whether an item is the one that is wanted: by its name, or by what it holds where its name is free."""
    key = next((key for key in IDENTITIES if key in wanted and wanted[key] != ANY), None)
    if key:
        return found.get(key) == wanted[key]
    return all(found.get(key) == value for key, value in wanted.items() if value != ANY)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["example"])
def test_the_pod_is_what_the_example_specifies(example, tasks):
    dag, task = tasks[example["example"]]
    made = as_run(ApiClient().sanitize_for_serialization(pod_of(dag, task)))
    assert differences(example["pod"], made) == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["example"])
def test_the_operator_is_what_the_example_specifies(example, tasks):
    _, task = tasks[example["example"]]
    assert {key: getattr(task, key) for key in example.get("operator", {})} == example.get("operator", {})


def test_what_is_missing_is_told():
    """The comparison itself."""
    wanted = {"containers": [{"name": "base", "env": [{"name": "A", "value": "1"}], "args": ["x"]}]}
    assert differences(wanted, {"containers": [{"name": "base", "env": [], "args": ["x", "y"]}]}) == [
        "pod.containers[0].env[0].name: 'A' is wanted, None is there",
        "pod.containers[0].env[0].value: '1' is wanted, None is there",
        "pod.containers[0].args: ['x'] is wanted, ['x', 'y'] is there",
    ]
    assert differences({"tolerations": [{"key": "a"}]}, {"tolerations": [{"key": "a"}, {"key": "b"}]}) != []
