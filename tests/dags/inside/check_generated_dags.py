"""Trees of generated DAG files (folder TREES), loaded as the DAG processor loads them."""

import json
import os
import re
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import BaseOperator
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from kubernetes.client import ApiClient

TREES = Path(os.environ["TREES"])
EXPECTED = json.loads(os.environ["EXPECTED_DAGS"])
EXECUTORS = os.environ["AIRFLOW__CORE__EXECUTOR"].split(",")


@pytest.fixture(params=EXPECTED)
def tree(request):
    return request.param


@pytest.fixture
def dags(tree):
    folder = TREES / tree
    bag = DagBag(dag_folder=folder, include_examples=False, bundle_path=folder, bundle_name="published")
    assert bag.import_errors == {}
    assert sorted(bag.dags) == EXPECTED[tree]
    return bag.dags


def image_of(task: BaseOperator) -> str:
    override = task.executor_config.get("pod_override")
    return override.spec.containers[0].image if override else task.image


def test_they_load_and_serialize(dags):
    for dag in dags.values():
        # Twice the same: what differs from parse to parse makes Airflow write a new version each time.
        assert LazyDeserializedDAG.from_dag(dag).hash == LazyDeserializedDAG.from_dag(dag).hash
        assert dag.task_dict


def test_every_image_is_in_the_published_catalog_with_its_digest(tree, dags):
    images = json.loads((TREES / tree / "images.json").read_text())["images"]
    known = {f"{image['reference']}@{image['digest']}" for image in images.values()}
    assert {image_of(task) for dag in dags.values() for task in dag.tasks} <= known


def test_each_kind_runs_where_it_should(dags):
    for task in (task for dag in dags.values() for task in dag.tasks):
        is_worker = "pod_override" in task.executor_config
        if len(EXECUTORS) == 1:
            assert task.executor is None
        else:
            assert task.executor == ("KubernetesExecutor" if is_worker else "LocalExecutor")
        if is_worker:
            override = task.executor_config["pod_override"]
            assert override.spec.containers[0].name == "base"
            assert (override.spec.containers[0].command, override.spec.containers[0].args) == (None, None)
        else:
            assert task.deferrable


def test_hostile_text_arrives_as_text(tree, dags):
    if tree != "hostile":
        pytest.skip("the repository's own DAGs are not hostile")
    text, dag = os.environ["HOSTILE_TEXT"], dags["hostile"]
    assert dag.description == text
    assert dag.tags == {text[:40], "plain"}
    assert {task.owner for task in dag.tasks} == {text}
    first = dag.task_dict["first"]
    first.render_template_fields({"run_id": "r", "ti": None})
    seen = as_the_container_sees(first.env_vars)
    assert seen["TEXT"] == text
    assert json.loads(seen["TASK_ARGUMENTS"]) == {"plain": text.replace("{", "("), "number": 1.5}
    base = dag.task_dict["second"].executor_config["pod_override"].spec.containers[0]
    assert as_the_container_sees(base.env)["TEXT"] == text


def as_the_container_sees(variables) -> dict[str, str]:
    """Kubernetes replaces ``$(NAME)`` of the container's own variables, and ``$$`` by ``$``."""
    manifest = ApiClient().sanitize_for_serialization(variables)
    raw = {variable["name"]: variable.get("value") for variable in manifest}

    def replaced(found):
        return "$" if found[0] == "$$" else raw.get(found[1], found[0])

    return {name: re.sub(r"\$\$|\$\(([^)]*)\)", replaced, value or "") for name, value in raw.items()}
