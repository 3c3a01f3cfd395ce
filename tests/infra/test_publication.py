from __future__ import annotations

import base64

import pulumi
import pytest

from infra import runtime
from infra.publication import Publication, PublicationArguments
from tests.infra import stacks
from tests.infra.pods import pods, violations
from tests.infra.recording import Recording, record


def run(archive: bytes, *, preview: bool = False) -> Recording:
    def program() -> None:
        settings = stacks.stack()
        Publication(
            PublicationArguments(
                namespace=pulumi.Output.from_input("airflow"),
                archive=pulumi.Output.from_input("").apply(lambda _: archive),
                version=pulumi.Output.from_input("f" * 64),
                image=settings.airflow.image,
                resources=settings.airflow.components.jobs,
                files=runtime.read(),
                after=[],
            ),
            pulumi.ResourceOptions(),
        )

    return record(program, preview=preview)


@pytest.fixture(scope="module", params=[False, True], ids=["up", "preview"])
def recording(request: pytest.FixtureRequest) -> Recording:
    return run(b"\x1f\x8b\0archive", preview=request.param)


def test_its_pod_is_restricted(recording: Recording) -> None:
    assert {name: violations(pod) for name, pod in pods(recording)} == {"Job publication": []}


def test_the_tree_is_one_immutable_auto_named_config_map(recording: Recording) -> None:
    inputs = recording.one(":ConfigMap", "publication").inputs
    assert inputs["immutable"] is True
    assert "name" not in inputs["metadata"]
    assert base64.b64decode(inputs["binaryData"]["tree.tar.gz"]) == b"\x1f\x8b\0archive"


def test_the_job_publishes_that_tree_under_its_version(recording: Recording) -> None:
    job = recording.one(":Job", "publication").inputs
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    environment = {entry["name"]: entry.get("value") for entry in container["env"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]}
    assert "name" not in job["metadata"]
    assert job["metadata"]["annotations"]["pulumi.com/replaceUnready"] == "true"
    assert container["args"] == ["python", "-m", "airflow_runtime.publish"]
    assert environment["PUBLICATION_VERSION"] == "f" * 64
    assert mounts["/publication"]["configMap"]["name"] == "publication-auto"
    assert mounts[environment["PYTHONPATH"] or ""]["configMap"]["name"] == runtime.read().name


def test_the_job_writes_with_the_publisher_s_key_only(recording: Recording) -> None:
    (container,) = recording.one(":Job", "publication").inputs["spec"]["template"]["spec"]["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": "object-store-publisher"}}]
    named = {entry["valueFrom"]["secretKeyRef"]["name"] for entry in container["env"] if "valueFrom" in entry}
    assert named == {"airflow-metadata"}
