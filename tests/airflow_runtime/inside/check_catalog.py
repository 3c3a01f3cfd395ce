"""A hand-written DAG with the catalog, wherever Airflow reads it: followed, pinned, and in a checkout."""

import json
import subprocess
import sys

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator
from kubernetes.client import ApiClient

from airflow_runtime.published_bundle import PublishedBundle

DAG_FILE = """
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import DAG, task
from airflow_runtime.catalog import image, namespace, pod_template, pull_secret, service_account
from kubernetes.client import models as k8s

with DAG(dag_id="by_hand", schedule=None):
    KubernetesPodOperator(
        task_id="said",
        image=image("salesforce"),
        namespace=namespace(),
        image_pull_secrets=[k8s.V1LocalObjectReference(name=pull_secret())],
        service_account_name=service_account(),
        in_cluster=True,
    )
    KubernetesPodOperator(task_id="from_template", pod_template_file=pod_template("salesforce"), in_cluster=True)

    @task(executor="KubernetesExecutor", executor_config={"pod_template_file": pod_template("warehouse")})
    def isolated():
        pass

    isolated()
"""
REFERENCES = {
    name: f"registry.test/{name}:1@sha256:{letter * 64}" for name, letter in (("salesforce", "a"), ("warehouse", "b"))
}
IMAGES = {
    name: {"reference": reference.partition("@")[0], "digest": reference.partition("@")[2]}
    for name, reference in REFERENCES.items()
}
PLATFORM = {"tasks_namespace": "airflow-tasks", "pull_secret": "registry", "service_account": "airflow-task"}
POD = """
apiVersion: v1
kind: Pod
metadata: {namespace: airflow-tasks}
spec:
  serviceAccountName: airflow-task
  imagePullSecrets: [{name: registry}]
  containers: [{name: base, image: "%s"}]
"""
TREE = {
    "by_hand.py": DAG_FILE,
    "images.json": json.dumps({"images": IMAGES, "platform": PLATFORM}),
    "pod_templates/salesforce.yaml": POD % REFERENCES["salesforce"],
    "pod_templates/warehouse.yaml": POD.replace(" {namespace: airflow-tasks}", " {}") % REFERENCES["warehouse"],
}


def followed(bucket, tmp_path):
    bucket.publish(TREE)
    return PublishedBundle(name="published", bucket="airflow")


def pinned(bucket, tmp_path):
    return PublishedBundle(name="published", bucket="airflow", version=bucket.publish(TREE))


@pytest.fixture(params=[followed, pinned])
def folder(request, bucket, storage, tmp_path):
    bundle = request.param(bucket, tmp_path)
    bundle.initialize()
    return bundle.path


@pytest.fixture
def checkout(tmp_path):
    """``dags/by_hand.py``, and what ``dags build`` wrote."""
    for path, text in TREE.items():
        file = tmp_path / "build/dags" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags/by_hand.py").write_text(DAG_FILE)
    return tmp_path / "dags"


def check(folder):
    bag = DagBag(folder, include_examples=False)
    assert bag.import_errors == {}
    tasks = bag.dags["by_hand"].task_dict
    for task_id in ("said", "from_template"):
        tasks[task_id].hook._is_in_cluster = True
        made = ApiClient().sanitize_for_serialization(tasks[task_id].build_pod_request_obj())
        assert made["metadata"]["namespace"] == "airflow-tasks"
        assert made["spec"]["serviceAccountName"] == "airflow-task"
        assert made["spec"]["imagePullSecrets"] == [{"name": "registry"}]
        assert made["spec"]["containers"][0]["image"] == REFERENCES["salesforce"]
    override = PodGenerator.from_obj(tasks["isolated"].executor_config)
    assert override.spec.containers[0].image == REFERENCES["warehouse"]


def test_in_the_dag_processor_and_in_a_worker(folder):
    check(folder)


def test_in_a_checkout(checkout):
    check(checkout)


def test_in_a_checkout_that_was_not_built_the_import_error_says_what_to_do(checkout):
    (checkout.parent / "build/dags/images.json").unlink()
    [error] = DagBag(checkout, include_examples=False).import_errors.values()
    assert "python -m commands dags build" in error


def test_reading_the_catalog_asks_nobody():
    heavy = "{'socket', 'airflow', 'boto3', 'yaml'}"
    loaded = f"import sys, airflow_runtime.catalog; print(sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-S", "-c", loaded], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
