from __future__ import annotations

import base64

import pulumi
import pytest

from infra.database import Database, DatabaseArguments
from tests.infra import stacks
from tests.infra.pods import pods, violations
from tests.infra.recording import Recording, record


@pytest.fixture(scope="module", params=[False, True], ids=["up", "preview"])
def recording(request: pytest.FixtureRequest) -> Recording:
    def program() -> None:
        Database(
            DatabaseArguments(
                namespace=pulumi.Output.from_input("airflow"),
                settings=stacks.stack(database={"volume": "2Gi"}).database,
                fingerprint_key=pulumi.Output.secret("key"),
            ),
            pulumi.ResourceOptions(),
        )

    return record(program, preview=request.param)


def test_its_pod_is_restricted(recording: Recording) -> None:
    assert {name: violations(pod) for name, pod in pods(recording)} == {"StatefulSet postgres": []}


def test_airflow_gets_the_connection_in_a_secret(recording: Recording) -> None:
    data = recording.one(":Secret", "airflow-metadata").inputs["data"]
    password = recording.generated["postgres-password"]
    assert base64.b64decode(data["connection"]).decode() == (
        f"postgresql://airflow:{password}@postgres.airflow.svc:5432/airflow"
    )
    assert set(data) == {"connection"}


def test_the_server_reads_its_password_from_a_file(recording: Recording) -> None:
    pod = recording.one(":StatefulSet", "postgres").inputs["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    folder, _, key = environment["POSTGRES_PASSWORD_FILE"].rpartition("/")
    (mount,) = [mount for mount in container["volumeMounts"] if mount["mountPath"] == folder]
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == mount["name"]]
    assert volume["secret"]["secretName"] == "postgres"
    assert set(recording.one(":Secret", "postgres").inputs["data"]) == {key}


def test_the_data_is_on_a_volume_of_the_default_class(recording: Recording) -> None:
    spec = recording.one(":StatefulSet", "postgres").inputs["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    (container,) = spec["template"]["spec"]["containers"]
    (mount,) = [mount for mount in container["volumeMounts"] if mount["name"] == claim["metadata"]["name"]]
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    assert environment["PGDATA"].startswith(f"{mount['mountPath']}/")
    assert claim["spec"]["resources"]["requests"]["storage"] == "2Gi"
    assert "storageClassName" not in claim["spec"]


def test_secrets_are_there_before_the_server(recording: Recording) -> None:
    assert (
        recording.one(":Secret", "postgres").order
        < recording.one(":Service", "postgres").order
        < recording.one(":StatefulSet", "postgres").order
    )
