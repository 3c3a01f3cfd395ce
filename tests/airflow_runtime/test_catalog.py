import json
import runpy

import pytest

from airflow_runtime.catalog import UnknownImage, image, namespace, pod_template, pull_secret, service_account

IMAGES = {
    "salesforce": {
        "type": "salesforce",
        "profile": "task",
        "reference": "registry/salesforce:1-ab",
        "digest": "sha256:12",
    },
    "planned": {"type": "planned", "profile": "task", "reference": "registry/planned:1-cd", "digest": None},
}
PLATFORM = {"tasks_namespace": "airflow-tasks", "pull_secret": "registry", "service_account": "airflow-task"}


@pytest.fixture
def published(tmp_path):
    (tmp_path / "images.json").write_text(json.dumps({"images": IMAGES, "platform": PLATFORM}))
    return tmp_path


def test_the_catalog_beside_the_dag_file_answers(published):
    assert image("salesforce", str(published / "a_dag.py")) == "registry/salesforce:1-ab@sha256:12"
    assert image("planned", str(published / "team" / "a_dag.py")) == "registry/planned:1-cd"


def test_the_calling_file_is_found(published):
    dag_file = published / "team" / "a_dag.py"
    dag_file.parent.mkdir()
    dag_file.write_text("from airflow_runtime.catalog import image\nFOUND = image('salesforce')\n")
    assert runpy.run_path(str(dag_file))["FOUND"] == "registry/salesforce:1-ab@sha256:12"


def test_an_unknown_type_names_the_known(published):
    with pytest.raises(UnknownImage, match="'sales' is not in the catalog: it has planned, salesforce"):
        image("sales", str(published / "a_dag.py"))


def test_a_new_catalog_is_read_anew(published):
    image("salesforce", str(published / "a_dag.py"))
    (published / "images.json").write_text(json.dumps({"images": {"other": IMAGES["planned"]}}))
    with pytest.raises(UnknownImage):
        image("salesforce", str(published / "a_dag.py"))


def test_no_catalog_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no images\.json"):
        image("salesforce", str(tmp_path / "a_dag.py"))


def test_the_names_that_a_pod_needs(published):
    found = [named(str(published / "a_dag.py")) for named in (namespace, pull_secret, service_account)]
    assert found == ["airflow-tasks", "registry", "airflow-task"]


def test_a_template_lies_beside_the_catalog(published):
    assert pod_template("salesforce", str(published / "team/a_dag.py")) == f"{published}/pod_templates/salesforce.yaml"
    with pytest.raises(UnknownImage, match="'sales' is not in the catalog"):
        pod_template("sales", str(published / "a_dag.py"))


def test_every_function_starts_from_its_caller(published):
    dag_file = published / "a_dag.py"
    dag_file.write_text(
        "from airflow_runtime import catalog\n"
        "FOUND = [catalog.image('planned'), catalog.pod_template('planned'), catalog.namespace(),\n"
        "         catalog.pull_secret(), catalog.service_account()]\n"
    )
    names = ["airflow-tasks", "registry", "airflow-task"]
    template = f"{published}/pod_templates/planned.yaml"
    assert runpy.run_path(str(dag_file))["FOUND"] == ["registry/planned:1-cd", template, *names]


def test_on_a_laptop_the_built_tree_answers(published, tmp_path_factory):
    checkout = tmp_path_factory.mktemp("checkout")
    (checkout / "build").mkdir()
    (checkout / "build/dags").symlink_to(published)
    assert image("planned", str(checkout / "dags/a_dag.py")) == "registry/planned:1-cd"


def test_without_a_built_tree_the_way_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="write it to build/dags with python -m commands dags build"):
        namespace(str(tmp_path / "dags/a_dag.py"))
