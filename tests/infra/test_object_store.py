from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra.object_store import SETUP, ObjectStore, ObjectStoreArguments
from infra.object_store_policies import AIRFLOW, PUBLISHER, TASKS, USERS
from tests.infra import stacks
from tests.infra.pods import pods, violations
from tests.infra.recording import Recording, record

READ, WRITE, DELETE, LIST = "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"


@pytest.fixture(scope="module", params=[False, True], ids=["up", "preview"])
def recording(request: pytest.FixtureRequest) -> Recording:
    def program() -> None:
        settings = stacks.stack(objectStore={"bucket": "lake", "volume": "3Gi", "storageClass": "fast"})
        ObjectStore(
            ObjectStoreArguments(
                namespace=pulumi.Output.from_input("airflow"),
                tasks_namespace=pulumi.Output.from_input("airflow-tasks"),
                settings=settings.object_store,
                job_resources=settings.airflow.components.jobs,
                fingerprint_key=pulumi.Output.secret("key"),
            ),
            pulumi.ResourceOptions(),
        )

    return record(program, preview=request.param)


def decoded(recording: Recording, resource: str) -> dict[str, str]:
    data = recording.one(":Secret", resource).inputs["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def test_every_pod_is_restricted(recording: Recording) -> None:
    assert {name: violations(pod) for name, pod in pods(recording)} == {
        "StatefulSet object-store": [],
        "Job object-store-setup": [],
    }


def test_the_data_is_on_a_volume(recording: Recording) -> None:
    spec = recording.one(":StatefulSet", "object-store").inputs["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "3Gi"
    assert claim["spec"]["storageClassName"] == "fast"
    (container,) = spec["template"]["spec"]["containers"]
    assert {"name": claim["metadata"]["name"], "mountPath": "/data"} in container["volumeMounts"]
    assert container["args"][:2] == ["server", "/data"]


def test_the_service_selects_the_server(recording: Recording) -> None:
    service = recording.one(":Service", "object-store").inputs
    labels = recording.one(":StatefulSet", "object-store").inputs["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert [port["port"] for port in service["spec"]["ports"]] == [9000]


def test_airflow_s_connection_is_addressed_by_path(recording: Recording) -> None:
    (text,) = decoded(recording, "object-store-airflow").values()
    connection = json.loads(text)
    assert connection == {
        "conn_type": "aws",
        "login": "airflow",
        "password": recording.generated["object-store-airflow-password"],
        "extra": {
            "endpoint_url": "http://object-store.airflow.svc:9000",
            "region_name": "us-east-1",
            "config_kwargs": {"s3": {"addressing_style": "path"}},
        },
    }


@pytest.mark.parametrize(
    ("resource", "namespace", "user"),
    [
        ("object-store-publisher", "airflow", "publisher"),
        ("object-store-tasks-core", "airflow", "tasks"),
        ("object-store-tasks-tasks", "airflow-tasks", "tasks"),
    ],
)
def test_clients_get_their_environment(recording: Recording, resource: str, namespace: str, user: str) -> None:
    assert recording.one(":Secret", resource).inputs["metadata"]["namespace"] == namespace
    assert decoded(recording, resource) == {
        "AWS_ACCESS_KEY_ID": user,
        "AWS_SECRET_ACCESS_KEY": recording.generated[f"object-store-{user}-password"],
        "AWS_ENDPOINT_URL_S3": "http://object-store.airflow.svc:9000",
        "AWS_REGION": "us-east-1",
        "OBJECT_STORE_BUCKET": "lake",
    }


def test_only_the_setup_job_and_the_server_read_root_s_password(recording: Recording) -> None:
    readers = {
        name
        for name, pod in pods(recording)
        for container in pod["containers"]
        for variable in container["env"]
        if variable.get("valueFrom", {}).get("secretKeyRef", {}).get("name") == "object-store-root"
    }
    assert readers == {"StatefulSet object-store", "Job object-store-setup"}


def test_the_setup_runs_anew_when_policies_bucket_or_passwords_change(recording: Recording) -> None:
    job = recording.one(":Job", "object-store-setup").inputs
    assert "name" not in job["metadata"]
    assert job["metadata"]["annotations"]["pulumi.com/replaceUnready"] == "true"
    assert job["spec"]["template"]["metadata"]["annotations"]["de-airflow-pipeline/secrets"]
    files = recording.one(":ConfigMap", "object-store-setup").inputs
    assert "name" not in files["metadata"]
    assert files["immutable"] is True
    assert set(files["data"]) == {"setup.sh", "airflow.json", "publisher.json", "tasks.json"}


def allowed(user: Any, action: str, path: str) -> bool:
    """A small evaluator of the policy: object actions by resource, listing by prefix."""
    for statement in json.loads(user.policy("lake"))["Statement"]:
        if action not in statement["Action"] or statement["Effect"] != "Allow":
            continue
        patterns = (
            statement["Condition"]["StringLike"]["s3:prefix"]
            if action == LIST
            else [arn.removeprefix("arn:aws:s3:::lake/") for arn in statement["Resource"]]
        )
        if any(path.startswith(pattern.removesuffix("*")) for pattern in patterns):
            return True
    return False


@pytest.mark.parametrize(
    ("user", "action", "path", "expected"),
    [
        (AIRFLOW, READ, "dags/current", True),
        (AIRFLOW, WRITE, "dags/current", False),
        (AIRFLOW, WRITE, "logs/dag_id=x/attempt=1.log", True),
        (AIRFLOW, READ, "logs/dag_id=x/attempt=1.log", True),
        (AIRFLOW, DELETE, "logs/dag_id=x/attempt=1.log", False),
        (AIRFLOW, READ, "data/x", False),
        (AIRFLOW, LIST, "logs/dag_id=x", True),
        (AIRFLOW, LIST, "data/", False),
        (PUBLISHER, WRITE, "dags/current", True),
        (PUBLISHER, DELETE, "dags/versions/a.tar.gz", True),
        (PUBLISHER, LIST, "dags/versions/", True),
        (PUBLISHER, READ, "data/x", False),
        (PUBLISHER, WRITE, "logs/x", False),
        (PUBLISHER, LIST, "logs/", False),
        (TASKS, READ, "dags/sources/a.tar.gz", True),
        (TASKS, READ, "dags/versions/a.tar.gz", False),
        (TASKS, READ, "dags/current", False),
        (TASKS, WRITE, "dags/sources/a.tar.gz", False),
        (TASKS, WRITE, "data/x", True),
        (TASKS, READ, "data/x", True),
        (TASKS, DELETE, "data/x", False),
        (TASKS, LIST, "data/", True),
        (TASKS, LIST, "dags/", False),
        (TASKS, READ, "logs/x", False),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_each_user_may_do_what_it_needs_and_no_more(user: Any, action: str, path: str, expected: bool) -> None:
    assert allowed(user, action, path) is expected


def test_no_policy_reaches_other_buckets_or_all_actions() -> None:
    for user in USERS:
        for statement in json.loads(user.policy("lake"))["Statement"]:
            assert all(
                arn == "arn:aws:s3:::lake" or arn.startswith("arn:aws:s3:::lake/") for arn in statement["Resource"]
            )
            assert not any("*" in action for action in statement["Action"])


FAKE_MC = """#!/bin/sh
echo "$*" >> "$CALLS"
case "$1 $2 $3 $4" in
  "ready "*) exit 0 ;;
  "admin user add "*) cat >> "$STDIN"; [ "$#" = 4 ] ;;
  "admin user info "*) cat "$ATTACHED" 2>/dev/null || true ;;
  "admin policy attach "*) echo "PolicyName: $5" >> "$ATTACHED" ;;
esac
"""


def test_the_setup_may_run_twice_and_shows_no_password(tmp_path: Path) -> None:
    fake = tmp_path / "mc"
    fake.write_text(FAKE_MC)
    fake.chmod(0o755)
    users = tmp_path / "users"
    users.mkdir()
    for user in USERS:
        (users / user.name).write_text(f"password-of-{user.name}")
    script = tmp_path / "setup.sh"
    script.write_text(SETUP.read_text().replace("/users/", f"{users}/"))
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "CALLS": str(tmp_path / "calls"),
        "STDIN": str(tmp_path / "stdin"),
        "ATTACHED": str(tmp_path / "attached"),
        "BUCKET": "lake",
        "REGION": "us-east-1",
        "USERS": " ".join(user.name for user in USERS),
    }
    shell = shutil.which("dash") or "/bin/sh"
    for _ in range(2):
        subprocess.run([shell, str(script)], env=environment, check=True, capture_output=True)
    calls = (tmp_path / "calls").read_text()
    assert "password-of" not in calls
    assert calls.count("mb --ignore-existing --region us-east-1 store/lake") == 2
    assert calls.count("admin policy attach") == len(USERS)
    for user in USERS:
        assert f"admin policy create store {user.name} /setup/{user.name}.json" in calls
        assert f"{user.name}\npassword-of-{user.name}\n" in (tmp_path / "stdin").read_text()
