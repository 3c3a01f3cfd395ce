from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.output import Unknown

from infra.network_flows import COMPONENTS
from infra.program import Outputs, deploy
from infra.settings import Settings
from pipelines.errors import InputError
from pipelines.images import declared_profiles
from tests.infra import stacks
from tests.infra.pods import pods, violations
from tests.infra.recording import Recording, Registration, record, strings

pytestmark = pytest.mark.slow

# What direct apply has handlers for.
ALLOWED = ("kubernetes:", "docker-build:index:Image", "random:index/")
KNOWN_WITHOUT_A_BUILD = (":Release", ":StatefulSet", ":Secret", ":Image", ":Namespace")


def tree(folder: Path) -> Path:
    """The repository's own images and DAGs, copied."""
    for name in ("images", "dags"):
        shutil.copytree(stacks.ROOT / name, folder / name)
    return folder


def run(settings: Settings, root: Path, **options: Any) -> tuple[Recording, Outputs]:
    outputs: list[Outputs] = []
    recording = record(lambda: outputs.append(deploy(settings, root)), **options)
    return recording, outputs[0]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module", params=[False, True], ids=["up", "preview"])
def deployed(request: pytest.FixtureRequest, root: Path) -> tuple[Recording, Outputs]:
    return run(stacks.dev(), root, preview=request.param)


@pytest.fixture(scope="module")
def recording(deployed: tuple[Recording, Outputs]) -> Recording:
    return deployed[0]


def published(recording: Recording) -> dict[str, bytes]:
    """The files of the archive that the publication holds."""
    archive = base64.b64decode(recording.one(":ConfigMap", "publication").inputs["binaryData"]["tree.tar.gz"])
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(archive))) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar.getmembers()}  # type: ignore[union-attr]


def test_direct_apply_could_apply_every_resource(recording: Recording) -> None:
    custom = [entry for entry in recording.registrations if entry.custom and not entry.type.startswith("pulumi:")]
    assert [entry.type for entry in custom if not entry.type.startswith(ALLOWED)] == []


def test_no_generated_value_is_the_id_of_its_resource(recording: Recording) -> None:
    """An id stands in state and plans for all to read; with RandomBytes, RandomString, RandomId it is the value."""
    generated = {entry.type for entry in recording.registrations if entry.type.startswith("random:")}
    assert generated == {"random:index/randomPassword:RandomPassword"}


def test_every_pod_is_restricted_with_requests_and_limits(recording: Recording) -> None:
    found = {name: violations(pod) for name, pod in pods(recording)}
    assert {name: problems for name, problems in found.items() if problems} == {}
    assert set(found) == {
        "Job airflow-backup",
        "Job airflow-migration",
        "Job airflow-pools",
        "Job object-store-setup",
        "Job publication",
        "StatefulSet object-store",
        "StatefulSet postgres",
        "worker pod",
    }


def test_every_kubernetes_object_goes_through_the_explicit_provider(recording: Recording) -> None:
    provider = recording.one("pulumi:providers:kubernetes", "kubernetes")
    assert provider.inputs == {
        "context": "de-airflow-pipeline-local",
        "clusterIdentifier": "de-airflow-pipeline-local",
        "enableSecretMutable": "true",
    }
    objects = [entry for entry in recording.registrations if entry.type.startswith("kubernetes:")]
    assert {entry.provider.split("::")[-2] for entry in objects} == {"kubernetes"}


def test_every_namespaced_object_names_one_of_the_two_namespaces(recording: Recording) -> None:
    objects = [entry for entry in recording.registrations if entry.type.startswith("kubernetes:")]
    named = [entry.inputs["metadata"].get("namespace") for entry in objects if "metadata" in entry.inputs]
    assert set(named) == {None, "airflow", "airflow-tasks"}
    assert named.count(None) == 2


def derived(secret: str) -> Iterator[str]:
    """A value as it is, and in the forms that it takes in Secrets."""
    yield secret
    yield base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()).decode()
    for text in (secret, f"puller:{secret}"):
        yield base64.b64encode(text.encode()).decode()


def holders(recording: Recording, secret: str) -> list[Registration]:
    forms = tuple(derived(secret))
    return [
        entry
        for entry in recording.registrations
        if any(form in text for text in strings(entry.inputs) for form in forms)
    ]


def test_no_secret_stands_outside_a_secret(recording: Recording) -> None:
    for secret in (*recording.generated.values(), stacks.PASSWORD):
        for entry in holders(recording, secret):
            assert entry.type == "kubernetes:core/v1:Secret", f"{entry.type} {entry.name}"
            assert entry.secret_paths == {"data"}


def test_every_generated_secret_is_used(recording: Recording) -> None:
    decoded = [
        base64.b64decode(value).decode() for entry in recording.of(":Secret") for value in entry.inputs["data"].values()
    ]
    for name, secret in recording.generated.items():
        forms = tuple(derived(secret))
        assert name == "fingerprint-key" or any(form in text for text in decoded for form in forms), name


def test_an_image_in_a_dag_file_is_the_one_just_built(deployed: tuple[Recording, Outputs]) -> None:
    recording, outputs = deployed
    files = published(recording)
    for dag, image in (("cost_of_living", "cost-of-living"), ("lakehouse_summary", "lakehouse")):
        reference = recording.one(":Image", image).inputs["tags"][0]
        source = files[f"tree/{dag}.py"].decode()
        assert f"{reference}@sha256:" in source
        assert outputs.images[image] == reference
    assert set(outputs.dags) == {path.stem for path in (stacks.ROOT / "dags").glob("*.yaml")}


def test_publication_is_last(recording: Recording) -> None:
    job = recording.one(":Job", "publication")
    assert job.order == max(entry.order for entry in recording.registrations)
    needed = {urn.rpartition("::")[2] for urn in job.dependencies}
    assert {"airflow", "object-store-setup", "cost-of-living", "lakehouse"} <= needed


def test_nothing_reaches_the_cluster_before_its_namespace_and_pull_secret(recording: Recording) -> None:
    pulls = max(entry.order for entry in recording.of(":Secret") if entry.name.startswith("registry-"))
    assert pulls < min(entry.order for kind in (":Job", ":StatefulSet", ":Release") for entry in recording.of(kind))


def test_the_stack_s_outputs_are_the_design_s(deployed: tuple[Recording, Outputs]) -> None:
    exports = deployed[1].exports()
    assert set(exports) == {
        "images",
        "digests",
        "dags",
        "version",
        "bucket",
        "endpoint",
        "airflow",
        "namespaces",
    }
    assert exports["airflow"] == {
        "version": "3.2.2",
        "chart": "1.22.0",
        "service": "airflow-api-server.airflow.svc:8080",
    }
    assert exports["namespaces"] == {"core": "airflow", "tasks": "airflow-tasks"}
    assert set(exports["digests"]) == set(exports["images"]) == set(declared_profiles(stacks.ROOT / "images"))


def plain(recording: Recording) -> dict[tuple[str, str], str]:
    return {
        (entry.type, entry.name): json.dumps(entry.inputs, sort_keys=True, default=str)
        for entry in recording.registrations
    }


def test_another_clone_registers_the_same(root: Path, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        other = tree(tmp_path / "other")
    finally:
        os.umask(before)
    one, _ = run(stacks.dev(), root)
    two, _ = run(stacks.dev(), other)
    assert plain(one) == plain(two)
    for entry in two.registrations:
        assert not any(str(tmp_path) in text or str(stacks.ROOT) in text for text in strings(entry.inputs))


def test_a_preview_that_would_build_knows_all_but_the_publication(root: Path) -> None:
    recording, _ = run(stacks.dev(), root, preview=True, builds_known=False)
    for kind in KNOWN_WITHOUT_A_BUILD:
        for entry in recording.of(kind):
            assert not any(isinstance(value, Unknown) for value in everything(entry.inputs)), entry.name
    binary = recording.one(":ConfigMap", "publication").inputs["binaryData"]
    assert any(isinstance(value, Unknown) for value in everything(binary))


def everything(value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, dict):
        for item in value.values():
            yield from everything(item)
    elif isinstance(value, list):
        for item in value:
            yield from everything(item)


def test_a_changed_task_source_changes_the_publication_only(root: Path, tmp_path: Path) -> None:
    other = tree(tmp_path / "other")
    source = next(path for path in sorted((other / "dags" / "cost_of_living").rglob("*.py")))
    source.write_text(f"{source.read_text()}\n# changed\n")
    one, two = plain(run(stacks.dev(), root)[0]), plain(run(stacks.dev(), other)[0])
    assert {key[1] for key in one if one[key] != two[key]} == {"publication"}


def test_a_changed_image_file_rebuilds_that_image_and_publishes(root: Path, tmp_path: Path) -> None:
    other = tree(tmp_path / "other")
    dockerfile = other / "images" / "cost-of-living" / "Dockerfile"
    dockerfile.write_text(f"{dockerfile.read_text()}# changed\n")
    one, two = plain(run(stacks.dev(), root)[0]), plain(run(stacks.dev(), other)[0])
    assert {key[1] for key in one if one[key] != two[key]} == {"cost-of-living", "publication"}


def test_with_the_kubernetes_executor_alone_no_task_names_an_executor(root: Path) -> None:
    dev = stacks.dev()
    airflow = dev.airflow.model_copy(update={"executors": ("KubernetesExecutor",)})
    both = published(run(dev, root)[0])
    alone = published(run(dev.model_copy(update={"airflow": airflow}), root)[0])
    assert b"LocalExecutor" in both["tree/cost_of_living.py"]
    for name, content in alone.items():
        if name.endswith(".py") and name.count("/") == 1:
            assert b"LocalExecutor" not in content
            assert b"executor=" not in content.replace(b"executor_config=", b"")


def test_a_broken_dag_config_registers_nothing(tmp_path: Path) -> None:
    broken = tree(tmp_path / "tree")
    (broken / "dags" / "broken.yaml").write_text("dag_id: broken\nimage: nowhere\n")
    seen = Recording()
    with pytest.raises(InputError, match="broken"):
        record(lambda: deploy(stacks.dev(), broken), into=seen)
    assert [entry.type for entry in seen.registrations] == []


def test_a_repository_without_images_and_dags_publishes_an_empty_tree(tmp_path: Path) -> None:
    for name in ("images", "dags"):
        (tmp_path / name).mkdir()
    recording, outputs = run(stacks.dev(), tmp_path)
    assert (dict(outputs.images), outputs.dags) == ({}, ())
    assert [name for name in published(recording) if name.endswith(".py")] == []


def test_a_changed_secret_is_changed_in_place(recording: Recording) -> None:
    """By default the provider replaces it: deletes it first, since its name is fixed."""
    [provider] = recording.of("pulumi:providers:kubernetes")
    assert provider.inputs["enableSecretMutable"] == "true"


def test_every_pod_is_one_component_of_the_network_table(recording: Recording) -> None:
    labels = {
        entry.name: entry.inputs["spec"]["template"]["metadata"]["labels"]
        for kind in (":Job", ":StatefulSet", ":Deployment")
        for entry in recording.of(kind)
    }
    release = recording.one(":Release", "airflow").inputs["values"]
    labels["worker"] = yaml.safe_load(release["podTemplate"])["metadata"]["labels"]
    core = [component for component in COMPONENTS if component.place == "core"]
    found = {
        name: [component.name for component in core if dict(component.labels).items() <= of_pod.items()]
        for name, of_pod in labels.items()
    }
    assert {name: matching for name, matching in found.items() if len(matching) != 1} == {}
