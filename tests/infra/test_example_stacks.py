"""The whole program with the settings of staging and prod."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra import program, provider_packages
from infra.program import deploy
from pipelines.errors import InputError
from tests.infra import stacks
from tests.infra.pods import pods, violations
from tests.infra.recording import Recording, record, strings

# It imports pulumi_aws, and registers all there is.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning:pulumi_aws")]
if not provider_packages.importable("pulumi_aws"):
    pytest.skip("pulumi-aws is not installed: make venv", allow_module_level=True)


@pytest.fixture(scope="module", params=["staging", "prod"])
def recording(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    root = tmp_path_factory.mktemp("empty")
    empty(root)
    return record(lambda: deploy(stacks.example(request.param), root))


def empty(root: Path) -> None:
    """No image and no DAG, and so nothing that was promoted."""
    for name in ("images", "dags", "promotions"):
        (root / name).mkdir()
    (root / "promotions/prod.yaml").write_text("from: staging\n")


def values(recording: Recording) -> dict[str, Any]:
    return dict(recording.one(":Release", "airflow").inputs["values"])


def test_neither_store_nor_database_runs_in_the_cluster(recording: Recording) -> None:
    assert recording.of(":StatefulSet") == []
    assert [entry.name for entry in recording.of("bucket:Bucket")] == ["bucket"]


def test_every_pod_is_restricted(recording: Recording) -> None:
    found = {name: violations(pod) for name, pod in pods(recording)}
    assert {name: problems for name, problems in found.items() if problems} == {}
    assert "Job airflow-backup" in found


def test_every_service_account_that_reaches_the_bucket_has_a_role(recording: Recording) -> None:
    annotation = "eks.amazonaws.com/role-arn"
    own = {
        entry.name: entry.inputs["metadata"].get("annotations", {}).get(annotation, "")
        for entry in recording.of(":ServiceAccount")
    }
    role = "arn:aws:iam::000000000000:role/role-"
    assert own == {
        "airflow-worker": f"{role}worker",
        "airflow-publisher": f"{role}publisher",
        "airflow-backup": f"{role}backup",
        "airflow-task": f"{role}task",
    }
    for part in ("apiServer", "scheduler", "dagProcessor", "triggerer"):
        assert values(recording)[part]["serviceAccount"]["annotations"] == {annotation: f"{role}airflow"}


def test_no_key_to_the_bucket_exists(recording: Recording) -> None:
    for entry in recording.of(":Secret"):
        assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} & set(entry.inputs["data"])


def test_the_password_of_the_database_stands_in_secrets_only(recording: Recording) -> None:
    forms = (stacks.PASSWORD, base64.b64encode(stacks.PASSWORD.encode()).decode())
    for entry in recording.registrations:
        if any(form in text for text in strings(entry.inputs) for form in forms):
            assert entry.type == "kubernetes:core/v1:Secret"


def test_what_cannot_be_made_again_is_protected(recording: Recording) -> None:
    protected = {(entry.type.rpartition(":")[2], entry.name) for entry in recording.registrations if entry.protect}
    assert {("Namespace", "airflow"), ("Bucket", "bucket"), ("Secret", "airflow-fernet-key")} <= protected
    drawn = {entry.name for entry in recording.registrations if entry.type.startswith("random:")}
    assert drawn <= {name for kind, name in protected if kind == "RandomPassword"}
    # What a change replaces must be free to go.
    assert not {kind for kind, _ in protected} & {"Job", "ConfigMap", "Release", "Image"}


def test_providers_are_explicit(recording: Recording) -> None:
    for entry in recording.registrations:
        if entry.custom and entry.type.startswith(("kubernetes:", "aws:")):
            assert entry.provider.split("::")[-2] in ("kubernetes", "aws")


def test_migrations_go_past_the_pool(recording: Recording) -> None:
    pooled = values(recording)["data"]["metadataSecretName"]
    job = json.dumps(recording.one(":Job", "airflow-migration").inputs)
    assert pooled == ("airflow-metadata-pooled" if "pgbouncer" in values(recording) else "airflow-metadata")
    assert '"airflow-metadata"' in job


def test_people_are_known_in_the_database_and_what_is_left_is_cleaned_up(recording: Recording) -> None:
    found = values(recording)
    assert found["config"]["core"]["auth_manager"].endswith("FabAuthManager")
    assert "Job airflow-administrator" in {name for name, _ in pods(recording)}
    assert found["cleanup"]["enabled"]
    assert found["statsd"].get("enabled", True)


def test_one_stack_builds_and_the_other_runs_what_it_has_built() -> None:
    modes = {name: stacks.example(name).images.mode for name in ("staging", "prod")}
    assert modes == {"staging": "build", "prod": "promote"}


def test_without_the_package_nothing_is_registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program.provider_packages, "importable", lambda _: False)
    monkeypatch.setattr(pulumi, "get_stack", lambda: "prod")
    empty(tmp_path)
    seen = Recording()
    with pytest.raises(InputError) as refusal:
        record(lambda: deploy(stacks.example("prod"), tmp_path), into=seen)
    assert str(refusal.value) == (
        "1 problem, nothing was changed:\n"
        "Pulumi.prod.yaml: objectStore.kind\n"
        "    found:    s3, and the package pulumi-aws is not installed\n"
        "    expected: what makes the bucket, installed\n"
        "    fix:      .venv/bin/python -m pip install --requirement requirements-aws.txt"
    )
    assert seen.registrations == []
