import json
import runpy

import pytest

from airflow_runtime.catalog import UnknownImage, image

IMAGES = {
    "salesforce": {
        "type": "salesforce",
        "profile": "task",
        "reference": "registry/salesforce:1-ab",
        "digest": "sha256:12",
    },
    "planned": {"type": "planned", "profile": "task", "reference": "registry/planned:1-cd", "digest": None},
}


@pytest.fixture
def published(tmp_path):
    (tmp_path / "images.json").write_text(json.dumps({"images": IMAGES}))
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
