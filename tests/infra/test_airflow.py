from __future__ import annotations

import json
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from infra import runtime
from infra.airflow import Airflow, AirflowArguments
from infra.airflow_values import ValuesArguments
from infra.settings import Pool
from tests.infra import stacks
from tests.infra.pods import pods, violations
from tests.infra.recording import Recording, record


def run(chart: dict[str, Any], *, preview: bool = False) -> Recording:
    def program() -> None:
        settings = stacks.stack(chart=chart)
        before = k8s.core.v1.Secret("before")
        Airflow(
            AirflowArguments(
                namespace=pulumi.Output.from_input("airflow"),
                pools={"api": Pool(slots=2)},
                chart=settings.chart,
                values=ValuesArguments(
                    namespace="airflow",
                    tasks_namespace="airflow-tasks",
                    airflow=settings.airflow,
                    bucket="lake",
                    refresh_seconds=10,
                    xcom_sidecar_image="busybox:1.37.0-musl",
                    files=runtime.read(),
                    fingerprint=pulumi.Output.from_input("fingerprint"),
                    admin_fingerprint=pulumi.Output.from_input("admin-fingerprint"),
                ),
                database_fingerprint=pulumi.Output.from_input("database-fingerprint"),
                after=[before],
            ),
            pulumi.ResourceOptions(),
        )

    return record(program, preview=preview)


@pytest.fixture(scope="module", params=[False, True], ids=["up", "preview"])
def recording(request: pytest.FixtureRequest) -> Recording:
    return run({}, preview=request.param)


def test_every_pod_is_restricted(recording: Recording) -> None:
    assert {name: violations(pod) for name, pod in pods(recording)} == {
        "Job airflow-migration": [],
        "Job airflow-pools": [],
        "worker pod": [],
    }


def test_pools_are_made_once_the_database_is_there_and_anew_when_they_change(recording: Recording) -> None:
    job = recording.one(":Job", "airflow-pools")
    assert any(dependency.endswith("::airflow-migration") for dependency in job.dependencies)
    (container,) = job.inputs["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["pools", "import", "/pools/pools.json"]
    held = recording.one(":ConfigMap", "pools").inputs
    assert json.loads(held["data"]["pools.json"]) == {"api": {"slots": 2, "description": "", "include_deferred": True}}
    # Auto-named: other content is another object, which the Job then mounts.
    assert "name" not in held["metadata"]


def test_the_database_is_migrated_by_the_stock_image_before_the_release(recording: Recording) -> None:
    job = recording.one(":Job", "airflow-migration")
    release = recording.one(":Release", "airflow")
    (container,) = job.inputs["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "apache/airflow:3.2.2-python3.13"
    assert container["args"] == ["db", "migrate"]
    assert recording.one(":Secret", "before").order < job.order < release.order
    assert {"airflow-migration", "airflow-runtime", "before"} <= {
        urn.rpartition("::")[2] for urn in release.dependencies
    }


def test_the_migration_runs_anew_for_another_image(recording: Recording) -> None:
    metadata = recording.one(":Job", "airflow-migration").inputs["metadata"]
    assert "name" not in metadata
    assert metadata["annotations"] == {"pulumi.com/replaceUnready": "true"}


def test_the_chart_comes_from_its_repository_at_its_version(recording: Recording) -> None:
    inputs = recording.one(":Release", "airflow").inputs
    assert (inputs["name"], inputs["namespace"]) == ("airflow", "airflow")
    assert (inputs["chart"], inputs["version"]) == ("airflow", "1.22.0")
    assert inputs["repositoryOpts"] == {"repo": "https://airflow.apache.org"}


def test_the_release_is_awaited_for_as_long_as_the_stack_says() -> None:
    inputs = run({"timeoutSeconds": 120, "atomic": True}).one(":Release", "airflow").inputs
    assert (inputs["timeout"], inputs["atomic"], inputs["skipAwait"]) == (120, True, False)


def test_a_chart_of_one_s_own_needs_no_repository() -> None:
    inputs = run({"path": "charts/airflow-1.22.0.tgz"}).one(":Release", "airflow").inputs
    assert inputs["chart"] == "charts/airflow-1.22.0.tgz"
    assert not {"version", "repositoryOpts"} & set(inputs)


def test_the_worker_pod_mounts_the_config_map_that_is_registered(recording: Recording) -> None:
    name = recording.one(":ConfigMap", "airflow-runtime").inputs["metadata"]["name"]
    values = recording.one(":Release", "airflow").inputs["values"]
    assert values["volumes"][0]["configMap"]["name"] == name
    assert name in values["podTemplate"]
