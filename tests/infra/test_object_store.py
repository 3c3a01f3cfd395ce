from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra.minio import SETUP
from infra.object_store import ObjectStore, ObjectStoreArguments, authority
from infra.object_store_policies import AIRFLOW, BACKUP, PUBLISHER, TASKS, USERS
from tests.infra import stacks
from tests.infra.pods import pods, violations
from tests.infra.recording import Recording, record

READ, WRITE, DELETE, LIST = "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"


def recorded(*, preview: bool = False, protect: bool | None = None, **keys: Any) -> Recording:
    settings = stacks.stack(objectStore={"bucket": "lake", **keys})

    def program() -> None:
        ObjectStore(
            ObjectStoreArguments(
                namespace=pulumi.Output.from_input("airflow"),
                tasks_namespace=pulumi.Output.from_input("airflow-tasks"),
                settings=settings.object_store,
                job_resources=settings.airflow.components.jobs,
                fingerprint_key=pulumi.Output.secret("key"),
            ),
            pulumi.ResourceOptions(protect=protect),
        )

    return record(program, preview=preview)


@pytest.fixture(scope="module", params=[False, True], ids=["up", "preview"])
def recording(request: pytest.FixtureRequest) -> Recording:
    return recorded(preview=request.param, volume="3Gi", storageClass="fast")


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
        ("object-store-backup", "airflow", "backup"),
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


def setup(recording: Recording) -> dict[str, str]:
    return dict(recording.one(":ConfigMap", "object-store-setup").inputs["data"])


def test_logs_and_back_ups_go_with_age_and_so_does_what_was_overwritten() -> None:
    rules = json.loads(setup(recorded(logDays=7, backupDays=8, overwrittenDays=9))["lifecycle.json"])["Rules"]
    assert {rule["Filter"]["Prefix"]: rule["Expiration"] for rule in rules} == {
        "backups/": {"Days": 8},
        "logs/": {"Days": 7},
        "": {"ExpiredObjectDeleteMarker": True},
    }
    assert [rule["NoncurrentVersionExpiration"] for rule in rules if not rule["Filter"]["Prefix"]] == [
        {"NoncurrentDays": 9}
    ]


@pytest.mark.parametrize(("wanted", "state"), [(True, "enable"), (False, "suspend")])
def test_versioning_is_the_stack_s_choice(wanted: bool, state: str) -> None:
    found = recorded(versioning=wanted)
    (container,) = found.one(":Job", "object-store-setup").inputs["spec"]["template"]["spec"]["containers"]
    assert {"name": "VERSIONING", "value": state} in container["env"]
    kept = [rule for rule in json.loads(setup(found)["lifecycle.json"])["Rules"] if not rule["Filter"]["Prefix"]]
    assert bool(kept) is wanted


def with_tls(**more: str) -> Recording:
    return recorded(tls={"secret": "store-certificate", **more})


def test_with_a_certificate_everything_is_https() -> None:
    found = with_tls()
    pod = found.one(":StatefulSet", "object-store").inputs["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["args"][-2:] == ["--certs-dir", "/certificates"]
    assert {container[probe]["httpGet"]["scheme"] for probe in ("readinessProbe", "livenessProbe")} == {"HTTPS"}
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "certificates"]
    assert volume["secret"]["secretName"] == "store-certificate"
    assert {item["path"] for item in volume["secret"]["items"]} == {"public.crt", "private.key"}
    (text,) = decoded(found, "object-store-airflow").values()
    assert json.loads(text)["extra"]["endpoint_url"] == "https://object-store.airflow.svc:9000"
    assert "verify" not in json.loads(text)["extra"]
    job = found.one(":Job", "object-store-setup").inputs["spec"]["template"]["spec"]["containers"][0]
    (host,) = [one["value"] for one in job["env"] if one["name"] == "MC_HOST_store"]
    # The one name that a certificate must hold.
    assert host.startswith("https://")
    assert host.endswith("@object-store.airflow.svc:9000")


def test_an_authority_of_one_s_own_reaches_whoever_asks_the_store() -> None:
    found = with_tls(authority=stacks.CERTIFICATE)
    path = "/opt/airflow/runtime/object-store-authority.pem"
    (text,) = decoded(found, "object-store-airflow").values()
    assert json.loads(text)["extra"]["verify"] == path
    assert decoded(found, "object-store-publisher")["AWS_CA_BUNDLE"] == path
    job = found.one(":Job", "object-store-setup").inputs["spec"]["template"]["spec"]["containers"][0]
    assert {"name": "SSL_CERT_FILE", "value": "/setup/object-store-authority.pem"} in job["env"]
    assert setup(found)["object-store-authority.pem"] == stacks.CERTIFICATE
    settings = stacks.stack(objectStore={"tls": {"secret": "a", "authority": stacks.CERTIFICATE}})
    assert authority(settings.object_store) == {"object-store-authority.pem": stacks.CERTIFICATE}


KEYS = {
    user: {"accessKey": f"{user}-id", "secretKey": f"key-of-{user}"}
    for user in ("airflow", "backup", "publisher", "tasks")
}
ENDPOINT = {"kind": "endpoint", "url": "https://s3.example.org", "region": "eu-west-1"}


def test_a_bucket_that_exists_is_reached_with_the_keys_given() -> None:
    found = recorded(**ENDPOINT, keys=KEYS, addressing="virtual")
    assert {entry.type for entry in found.registrations if entry.custom} == {"kubernetes:core/v1:Secret"}
    (text,) = decoded(found, "object-store-airflow").values()
    assert json.loads(text) == {
        "conn_type": "aws",
        "login": "airflow-id",
        "password": "key-of-airflow",
        "extra": {
            "endpoint_url": "https://s3.example.org",
            "region_name": "eu-west-1",
            "config_kwargs": {"s3": {"addressing_style": "virtual"}},
        },
    }
    assert decoded(found, "object-store-tasks-tasks") == {
        "AWS_ACCESS_KEY_ID": "tasks-id",
        "AWS_SECRET_ACCESS_KEY": "key-of-tasks",
        "AWS_ENDPOINT_URL_S3": "https://s3.example.org",
        "AWS_REGION": "eu-west-1",
        "OBJECT_STORE_BUCKET": "lake",
    }
    assert all(entry.secret_paths == {"data"} for entry in found.of(":Secret"))


def test_without_keys_the_secrets_are_others_to_make() -> None:
    assert [entry.type for entry in recorded(**ENDPOINT).registrations if entry.custom] == []


def test_on_s3_clients_are_told_the_bucket_and_no_key() -> None:
    found = recorded(kind="s3", oidcProvider=stacks.OIDC_PROVIDER)
    (text,) = decoded(found, "object-store-airflow").values()
    assert json.loads(text) == {"conn_type": "aws", "extra": {"region_name": "us-east-1"}}
    for name in ("backup", "publisher", "tasks-core", "tasks-tasks"):
        assert decoded(found, f"object-store-{name}") == {"AWS_REGION": "us-east-1", "OBJECT_STORE_BUCKET": "lake"}


def test_what_holds_data_or_reads_it_is_protected_and_jobs_may_be_replaced() -> None:
    found = recorded(protect=True)
    open_ones = {entry.type for entry in found.registrations if entry.custom and not entry.protect}
    assert open_ones == {"kubernetes:batch/v1:Job", "kubernetes:core/v1:ConfigMap"}


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
    assert set(files["data"]) == {
        "setup.sh",
        "lifecycle.json",
        "airflow.json",
        "backup.json",
        "publisher.json",
        "tasks.json",
    }


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
        (BACKUP, WRITE, "backups/a.dump", True),
        (BACKUP, READ, "backups/a.dump", True),
        (BACKUP, LIST, "backups/", True),
        (BACKUP, DELETE, "backups/a.dump", False),
        (BACKUP, READ, "dags/current", False),
        (AIRFLOW, READ, "backups/a.dump", False),
        (PUBLISHER, READ, "backups/a.dump", False),
        (TASKS, READ, "backups/a.dump", False),
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
  "ilm import store/lake "*) cat >> "$STDIN" ;;
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
    lifecycle = tmp_path / "lifecycle.json"
    lifecycle.write_text('{"Rules": []}')
    script.write_text(
        SETUP.read_text().replace("/users/", f"{users}/").replace("/setup/lifecycle.json", str(lifecycle))
    )
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "CALLS": str(tmp_path / "calls"),
        "STDIN": str(tmp_path / "stdin"),
        "ATTACHED": str(tmp_path / "attached"),
        "BUCKET": "lake",
        "REGION": "us-east-1",
        "VERSIONING": "enable",
        "USERS": " ".join(user.name for user in USERS),
    }
    shell = shutil.which("dash") or "/bin/sh"
    for _ in range(2):
        subprocess.run([shell, str(script)], env=environment, check=True, capture_output=True)
    calls = (tmp_path / "calls").read_text()
    assert "password-of" not in calls
    assert calls.count("mb --ignore-existing --region us-east-1 store/lake") == 2
    assert calls.count("version enable store/lake") == 2
    assert calls.count("anonymous set private store/lake") == 2
    assert calls.count("ilm import store/lake") == 2
    assert calls.count("admin policy attach") == len(USERS)
    for user in USERS:
        assert f"admin policy create store {user.name} /setup/{user.name}.json" in calls
        assert f"{user.name}\npassword-of-{user.name}\n" in (tmp_path / "stdin").read_text()
