"""The bucket's server is killed while something is written, and its volume is full."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import PersistentVolume, PersistentVolumeClaim, Pod

from airflow_runtime.object_store import ObjectStore, StoreError
from commands.failure import FAILED
from infra import names
from infra.minio import NAME, PORT
from local import mounts, platform, probes
from local.bucket import secret, service_address
from local.progress import Progress
from local.waiting import wait
from local.workloads import wait_for_rollout
from tests.conftest import Deployed
from tests.faults.earlier import Earlier
from tests.faults.under_way import under_way
from tests.faults.victims import pod_of, process_of, unread
from tests.platform.commands import run
from tests.platform.observed import await_served, published
from tests.platform.scratch import Scratch

# Whichever engine made them, the objects are the same.
pytestmark = [pytest.mark.platform, pytest.mark.faults, pytest.mark.parametrize("deployed", ["direct"], indirect=True)]

LARGE_BYTES = 192 << 20
#: More than a request's head: some of the body.
UNDER_WAY_BYTES = 64 << 10
ROOM_BYTES = 48 << 20
STOPPED_SECONDS, ANSWERS_SECONDS = 120, 120
JOB = {"app.kubernetes.io/name": "publication"}


def change_source(scratch: Scratch) -> str:
    mark = secrets.token_hex(8)
    scratch.append("dags/cost_of_living/tasks.py", f"\n# {mark}\n")
    return mark


def await_answers(deployed: Deployed) -> None:
    address = service_address(deployed.client, deployed.settings.name, NAME, PORT)
    wait("MinIO", lambda: probes.http_answers(f"{address}/minio/health/ready"), ANSWERS_SECONDS)


def assert_published(deployed: Deployed, mark: str) -> None:
    assert mark in published(deployed)["sources/cost_of_living/tasks.py"].decode()
    await_served(deployed, "cost_of_living")


def test_minio_dies_while_a_version_is_published(with_results: Deployed, scratch: Scratch, tmp_path: Path) -> None:
    deployed, earlier = with_results, Earlier.of(with_results)
    mark, server, before = change_source(scratch), process_of(pod_of(deployed, NAME)), _addresses(deployed)

    def writers() -> dict[str, str | None]:
        return {pod: address for pod, address in _addresses(deployed).items() if pod not in before}

    def asks() -> bool:
        return any(unread(server, address) for address in writers().values() if address)

    with under_way(scratch.folder, tmp_path / "output") as up:
        # Before it has an address: an idle machine ends it within a second of that.
        up.await_moment("the publication has a pod", lambda: bool(writers()))
        # It reads nothing more: what is being sent to it lies there when it dies.
        os.kill(server, signal.SIGSTOP)
        try:
            up.await_moment("a request of the publication", asks)
        finally:
            os.kill(server, signal.SIGKILL)
        done = up.end()
    assert done.status == 0, done.output
    await_answers(deployed)
    earlier.assert_nothing_lost(deployed)
    assert_published(deployed, mark)


def test_minio_dies_while_a_large_object_is_written(with_results: Deployed, tmp_path: Path) -> None:
    await_answers(with_results)
    deployed, earlier = with_results, Earlier.of(with_results)
    file, store = tmp_path / "large", _store(deployed)
    content = secrets.token_bytes(LARGE_BYTES)
    file.write_bytes(content)
    failures: list[str] = []

    def upload() -> None:
        try:
            store.upload(file, "fault/large")
        except StoreError as error:
            failures.append(str(error))

    server, writer = process_of(pod_of(deployed, NAME)), threading.Thread(target=upload)
    writer.start()
    while not unread(server) > UNDER_WAY_BYTES:
        assert writer.is_alive(), "it was written too quickly"
        time.sleep(0.002)
    os.kill(server, signal.SIGKILL)
    writer.join()
    assert len(failures) == 1
    assert failures[0].startswith(f"cannot write s3://{store.bucket}/{names.BACKUPS_PREFIX}/fault/large at http://")
    await_answers(deployed)
    assert store.listing("fault") == {}, "half an object"
    earlier.assert_untouched(deployed)
    try:
        store.upload(file, "fault/large")
        store.download("fault/large", tmp_path / "back")
        assert hashlib.sha256((tmp_path / "back").read_bytes()).digest() == hashlib.sha256(content).digest()
    finally:
        _forget(deployed, f"{names.BACKUPS_PREFIX}/fault/large")


def test_the_volume_is_full(with_results: Deployed, scratch: Scratch) -> None:
    deployed, earlier = with_results, Earlier.of(with_results)
    mark = change_source(scratch)
    with small_volume(deployed) as folder:
        ballast = folder / "ballast"
        fill(ballast)
        failed = run("local", "up", "--no-smoke", clone=scratch.folder)
        assert failed.status == FAILED, failed.output
        assert "Traceback" not in failed.output
        assert re.search(r"not published: cannot write s3://\S+ at \S+: .*StorageFull.*delete", failed.output)
        earlier.assert_untouched(deployed)
        ballast.unlink()
        scratch.up()
        earlier.assert_nothing_lost(deployed)
        assert_published(deployed, mark)
    earlier.assert_nothing_lost(deployed)
    assert_published(deployed, mark)


@contextmanager
def small_volume(deployed: Deployed) -> Iterator[Path]:
    """The store's data on a file system with little room; its folder, as this process sees it."""
    machine = deployed.machine
    inside = mounts.inside(platform.supervisor(machine))
    mounted = Path(inside[1].partition("=")[2]).parents[1] / "root"
    with _stopped(deployed):
        real = _folder(deployed)
        used = sum(file.stat().st_size for file in real.rglob("*") if file.is_file())
        size = f"size={used + ROOM_BYTES}"
        subprocess.run([*inside, "mount", "-t", "tmpfs", "-o", size, "tmpfs", str(real)], check=True)
        seen = mounted / real.relative_to("/")
        _copy(real, seen)
    try:
        yield seen
    finally:
        with _stopped(deployed):
            for entry in real.iterdir():
                shutil.rmtree(entry)
            _copy(seen, real)
            subprocess.run([*inside, "umount", "--lazy", str(real)], check=True)


def fill(file: Path) -> None:
    """Until there is no room."""
    with file.open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(bytes(64 << 10))
        except OSError:
            return


@contextmanager
def _stopped(deployed: Deployed) -> Iterator[None]:
    def scale(replicas: int) -> None:
        deployed.client.patch(StatefulSet, NAME, {"spec": {"replicas": replicas}}, namespace=deployed.settings.name)

    def there() -> str | None:
        labels: Any = {"app.kubernetes.io/name": NAME}
        left = list(deployed.client.list(Pod, namespace=deployed.settings.name, labels=labels))
        return f"{len(left)} pods" if left else None

    scale(0)
    wait("MinIO to stop", there, STOPPED_SECONDS)
    try:
        yield
    finally:
        scale(1)
        say = Progress().doing
        wait_for_rollout(deployed.client, StatefulSet, NAME, deployed.settings.name, STOPPED_SECONDS, say)
        # Ready, and perhaps not in the proxy's table yet.
        await_answers(deployed)


def _folder(deployed: Deployed) -> Path:
    namespace = deployed.settings.name
    claim: Any = deployed.client.get(PersistentVolumeClaim, f"data-{NAME}-0", namespace=namespace)
    volume: Any = deployed.client.get(PersistentVolume, claim.spec.volumeName)
    return Path(volume.spec.local.path)


def _copy(source: Path, target: Path) -> None:
    # Owners too: MinIO runs as a user of its own.
    subprocess.run(["cp", "--archive", f"{source}/.", str(target)], check=True)
    (target / "ballast").unlink(missing_ok=True)


def _addresses(deployed: Deployed) -> dict[str, str | None]:
    """Of the publication's pods; None of one that has none yet."""
    labels: Any = JOB
    found: Any = deployed.client.list(Pod, namespace=deployed.settings.name, labels=labels)
    return {one.metadata.name: one.status.podIP if one.status else None for one in found}


def _store(deployed: Deployed) -> ObjectStore:
    """With the rights of back-ups, and one try a request."""
    held = secret(deployed.client, deployed.settings.name, names.STORE_BACKUP_SECRET)
    settings = {
        "endpoint_url": service_address(deployed.client, deployed.settings.name, NAME, PORT),
        "region_name": deployed.settings.object_store.region,
        "aws_access_key_id": held["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": held["AWS_SECRET_ACCESS_KEY"],
    }
    return ObjectStore(deployed.settings.object_store.bucket, names.BACKUPS_PREFIX, settings, 1)


def _forget(deployed: Deployed, key: str) -> None:
    bucket = deployed.bucket
    bucket._store.delete_object(Bucket=deployed.settings.object_store.bucket, Key=key)
