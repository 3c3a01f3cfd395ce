"""Every stack file of the repository, and what a stack may have besides, against Airflow's own chart."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from infra import sources
from infra.network_flows import COMPONENTS
from infra.program import register
from infra.settings import Settings
from local.chart.compare import helm_binary
from local.chart.objects import KUBERNETES, RELEASE
from tests.infra import stacks
from tests.infra.pods import violations
from tests.infra.recording import containers, record
from tests.infra.test_airflow_values import FAB, INGRESS, OIDC

pytestmark = pytest.mark.chart
MANY = {"apiServer": 2, "scheduler": 2, "dagProcessor": 2, "triggerer": 2}
BESIDES: dict[str, dict[str, Any]] = {
    "many": {"airflow": {"availability": {"replicas": MANY, "apiServerScaling": {"most": 4}}}},
    "fab": {"access": FAB},
    "ingress": {"access": {**FAB, "ingress": INGRESS}},
    "oidc": {"access": {**FAB, "oidc": OIDC, "ingress": INGRESS}},
    "cleanup": {"airflow": {"cleanup": True}},
    "metrics": {"airflow": {"metrics": {}}},
    "one executor": {"airflow": {"executors": ["KubernetesExecutor"], "cleanup": True}},
}
#: The chart's own, which only a stack with a pool has.
PGBOUNCER = (
    "apache/airflow:airflow-pgbouncer-2025.03.05-1.23.1",
    "apache/airflow:airflow-pgbouncer-exporter-2025.03.05-0.18.0",
)
SIZES = ("small", "medium", "large")


def cases() -> Iterator[Any]:
    for name, keys in BESIDES.items():
        yield pytest.param(lambda keys=keys: stacks.stack(**keys), id=name)
    yield pytest.param(stacks.dev, id="dev")
    for name, size in itertools.product(("staging", "prod"), SIZES):
        yield pytest.param(lambda name=name, size=size: stacks.example(name, size=size), id=f"{name} {size}")


@pytest.fixture(scope="module", params=cases())
def settings(request: pytest.FixtureRequest, official_chart: Path) -> Settings:
    found: Settings = request.param()
    return found


@pytest.fixture(scope="module")
def values(settings: Settings, official_chart: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    root = tmp_path_factory.mktemp("nothing")
    (root / "images").mkdir()
    (root / "dags").mkdir()
    (root / "promotions").mkdir()
    (root / "promotions/prod.yaml").write_text("from: staging\n")
    recording = record(lambda: register(settings, sources.load(settings, root)))
    found: dict[str, Any] = recording.one(":Release", "airflow").inputs["values"]
    return found


@pytest.fixture(scope="module")
def objects(values: dict[str, Any], official_chart: Path) -> list[dict[str, Any]]:
    import subprocess

    import yaml

    place = ("--namespace", RELEASE, "--kube-version", KUBERNETES)
    command = [str(helm_binary()), "template", RELEASE, str(official_chart), *place, "--values", "-"]
    done = subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def pods(objects: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, str], dict[str, Any]]]:
    """Name, labels and spec of every pod that the chart makes."""
    for document in objects:
        spec = document.get("spec") or {}
        template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
        if template:
            name = f"{document['kind']} {document['metadata']['name']}"
            yield name, template["metadata"]["labels"], template["spec"]


def test_the_chart_takes_the_values(values: dict[str, Any], official_chart: Path) -> None:
    jsonschema.validate(values, json.loads((official_chart / "values.schema.json").read_text()))


def test_every_container_is_restricted_with_requests_and_limits(objects: list[dict[str, Any]]) -> None:
    found = {name: violations(pod) for name, _, pod in pods(objects)}
    assert len(found) >= 4
    assert {name: problems for name, problems in found.items() if problems} == {}


def test_every_image_is_one_that_the_stack_names(objects: list[dict[str, Any]], settings: Settings) -> None:
    known = {settings.airflow.image, *PGBOUNCER}
    known |= {settings.airflow.metrics.image} if settings.airflow.metrics else set()
    used = {container["image"] for _, _, pod in pods(objects) for container in containers(pod)}
    assert used <= known


def test_every_pod_is_one_component_of_the_network_table(objects: list[dict[str, Any]]) -> None:
    core = [component for component in COMPONENTS if component.place == "core"]
    for name, labels, _ in pods(objects):
        found = [component.name for component in core if dict(component.labels).items() <= labels.items()]
        assert len(found) == 1, f"{name} is {found or 'no component'}"


def test_no_more_of_a_component_may_go_than_leaves_one(objects: list[dict[str, Any]], settings: Settings) -> None:
    budgets = [document for document in objects if document["kind"] == "PodDisruptionBudget"]
    many = [count for count in settings.airflow.availability.replicas.model_dump().values() if count > 1]
    assert len(budgets) >= len(many)
    assert all(budget["spec"]["maxUnavailable"] == 1 for budget in budgets)


def test_the_ingress_is_of_the_api_server(objects: list[dict[str, Any]], settings: Settings) -> None:
    found = [document["spec"] for document in objects if document["kind"] == "Ingress"]
    ingress = settings.access.ingress
    assert len(found) == (1 if ingress else 0)
    if ingress:
        assert found[0]["tls"] == [{"hosts": [ingress.host], "secretName": ingress.tls_secret}]
        (rule,) = found[0]["rules"]
        assert rule["http"]["paths"][0]["backend"]["service"]["name"] == "airflow-api-server"


def test_the_chart_grants_nothing(objects: list[dict[str, Any]]) -> None:
    kinds = {document["kind"] for document in objects}
    assert not kinds & {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
