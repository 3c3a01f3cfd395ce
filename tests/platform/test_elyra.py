"""A pipeline of three notebooks, compiled by Elyra's own processor, adopted, and run: with files from node to node, an
environment variable, a Secret and a volume, and no network but the bucket's."""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lightkube.models.core_v1 import PersistentVolumeClaimSpec, VolumeResourceRequirements
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import PersistentVolumeClaim, Secret

from infra import names
from infra.minio import NAME, PORT
from infra.stack_images import read_images
from local.bucket import secret, service_address
from local.provisioner import STORAGE_CLASS
from local.waiting import wait
from pipelines.elyra_images import runtime_images
from tests.conftest import ROOT, Deployed
from tests.elyra_environment import PIPELINES, compiled
from tests.platform.commands import run as command
from tests.platform.observed import Api, api_of, await_served
from tests.platform.pod_records import PodRecords
from tests.platform.scratch import Scratch, settled
from tests.platform.test_surface import absent

# What the pods hold is the same whoever applied Airflow.
pytestmark = [
    pytest.mark.platform,
    pytest.mark.long,
    pytest.mark.parametrize("deployed", ["the engine that is there"], indirect=True, scope="session"),
]

DAG, ELYRA, IMAGE = "three-nodes", "elyra", "notebooks"
TASKS = ("load", "square", "report")
WORD = secrets.token_hex(16)
SECONDS = 150
LINE = re.compile(r"peers:[ 0-9.:]*")
ADDRESS = re.compile(r"[0-9.]+:[0-9]+")


@dataclass(frozen=True)
class Ran:
    """The adopted file, and its run when it had ended."""

    api: Api
    run: str
    state: str
    pods: PodRecords
    stored: dict[str, bytes]
    adopted: str
    store: str


@pytest.fixture(scope="module")
def given(deployed: Deployed) -> Iterator[None]:
    """The Secret and the claim that the pipeline names."""
    client, here = deployed.client, ObjectMeta(name=ELYRA, namespace=deployed.settings.tasks_namespace)
    room = VolumeResourceRequirements(requests={"storage": "1Mi"})
    spec = PersistentVolumeClaimSpec(accessModes=["ReadWriteOnce"], storageClassName=STORAGE_CLASS, resources=room)

    def remove() -> None:
        for kind in (Secret, PersistentVolumeClaim):
            if not absent(lambda kind=kind: client.get(kind, ELYRA, namespace=here.namespace)):
                client.delete(kind, ELYRA, namespace=here.namespace)

    remove()
    try:
        client.create(Secret(metadata=here, stringData={"word": WORD}))
        client.create(PersistentVolumeClaim(metadata=here, spec=spec))
        yield
    finally:
        remove()


@pytest.fixture(scope="module")
def ran(deployed: Deployed, given: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    scratch = Scratch(tmp_path_factory.mktemp(ELYRA) / "elsewhere")
    shutil.copytree(PIPELINES / "image", scratch.folder / "images" / IMAGE)
    prefix = f"data/elyra/{secrets.token_hex(4)}"
    original = tmp_path_factory.mktemp("compiled") / f"{DAG}-0101000000.py"
    original.write_bytes(compile_pipeline(deployed, scratch.folder, original.parent, prefix))
    adopted = scratch.folder / "dags" / f"{DAG}.py"
    done = command("dags", "adopt", str(original), "--output", str(adopted), clone=scratch.folder)
    assert done.status == 0, done.output
    try:
        scratch.up()
        await_served(deployed, DAG)
        yield follow(deployed, prefix, adopted.read_text())
    finally:
        settled(ROOT)


def store_of(deployed: Deployed) -> str:
    return service_address(deployed.client, deployed.settings.name, NAME, PORT)


def compile_pipeline(deployed: Deployed, clone: Path, folder: Path, prefix: str) -> bytes:
    images = read_images(deployed.settings, clone, stage=False)
    offered = runtime_images(images, names.REGISTRY_SECRET)
    root = secret(deployed.client, deployed.settings.name, names.STORE_ROOT_SECRET)
    store = {
        "cos_endpoint": store_of(deployed),
        "cos_bucket": deployed.settings.object_store.bucket,
        "cos_auth_type": "KUBERNETES_SECRET",
        "cos_secret": "of-elyras-user",
        "cos_username": root["user"],
        "cos_password": root["password"],
    }
    git = {"git_type": "GITHUB", "github_api_endpoint": "https://git.example", "github_branch": "main"}
    git |= {"github_repo": "team/dags", "github_repo_token": "none"}
    where = {"runtime_type": "APACHE_AIRFLOW", "api_endpoint": "http://airflow.example", "user_namespace": "elsewhere"}
    runtime = {"display_name": "stack", "schema_name": "airflow", "metadata": {**where, **git, **store}}
    return compiled(folder, prefix, runtime, offered, offered[f"{IMAGE}.json"]["metadata"]["image_name"])


def follow(deployed: Deployed, prefix: str, adopted: str) -> Ran:
    api, run = api_of(deployed), f"elyra-{secrets.token_hex(4)}"

    def missing() -> str | None:
        state = api.run_state(DAG, run)
        return None if state in ("success", "failed") else f"{state}: {api.tasks(DAG, run)}"

    with PodRecords(deployed.client, (deployed.settings.tasks_namespace,), run) as pods:
        api.trigger(DAG, run)
        api.unpause(DAG)
        wait(f"run {run} to end", missing, SECONDS)
        bucket, store = deployed.bucket, store_of(deployed).removeprefix("http://")
        stored = {key.rpartition("/")[2]: bucket.get(key) for key in bucket.keys(prefix)}
        return Ran(api, run, api.run_state(DAG, run), pods, stored, adopted, store)


def test_every_node_succeeds(ran: Ran) -> None:
    failed = [one for one in ran.api.tasks(DAG, ran.run) if one.state == "failed"]
    told = {one.task: ran.api.log(DAG, ran.run, one)[-40:] for one in failed}
    assert ran.state == "success", told


def test_files_went_from_node_to_node_and_results_are_in_the_bucket(ran: Ran) -> None:
    assert json.loads(ran.stored["report.json"]) == {"numbers": [1, 2, 3], "total": 14}
    assert {"numbers.json", "squares.json"} <= ran.stored.keys()


@pytest.mark.parametrize("node", TASKS)
def test_executed_notebooks_and_logs_are_in_the_bucket(ran: Ran, node: str) -> None:
    cells = json.loads(ran.stored[f"{node}.ipynb"])["cells"]
    assert any(output.get("text") for cell in cells for output in cell.get("outputs", []))
    assert b"<html" in ran.stored[f"{node}.html"]


def test_the_nodes_talk_to_nobody_but_the_bucket(ran: Ran) -> None:
    """The platform's network plugin enforces no policy; so it is seen whom they talked to."""
    for node in TASKS:
        notebook = ran.stored[f"{node}.ipynb"].decode()
        peers = {word for line in LINE.findall(notebook) for word in ADDRESS.findall(line)}
        assert peers == {ran.store}
        [container] = [one for one in ran.pods.of(node)[-1].spec.containers if one.name == "base"]
        assert container.command == ["elyra-node"]
        assert "curl" not in str(container.args)


def test_no_secret_is_in_the_adopted_file_or_in_a_pod(ran: Ran) -> None:
    shown: list[Any] = [ran.adopted, *(pod.to_dict() for node in TASKS for pod in ran.pods.of(node))]
    assert not [one for one in shown if WORD in str(one)]
    assert "of-elyras-user" not in ran.adopted
    assert "cos-endpoint" not in ran.adopted
