"""The provisioner, against an API server of dictionaries."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local import provisioner, storage
from local.provisioner import ended, reconcile, volume_for, waits

CLAIM: dict[str, Any] = {
    "metadata": {"namespace": "data", "name": "minio-0", "uid": "u-1"},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "5Gi"}},
        "storageClassName": "local",
    },
}


class Server:
    def __init__(self, *claims: dict[str, Any]) -> None:
        self.claims = list(claims)
        self.volumes: dict[str, dict[str, Any]] = {}

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        if method == "POST":
            assert body is not None
            assert body["metadata"]["name"] not in self.volumes
            self.volumes[body["metadata"]["name"]] = copy.deepcopy(body)
        elif method == "DELETE":
            del self.volumes[path.rpartition("/")[2]]
        elif path == provisioner.CLAIMS:
            return {"items": self.claims}
        elif path == provisioner.VOLUMES:
            return {"items": list(self.volumes.values())}
        return {}


def run(server: Server, folders: Path) -> None:
    reconcile(server, folders, "node")  # type: ignore[arg-type]


def test_a_claim_gets_a_volume_that_any_user_can_write(tmp_path: Path) -> None:
    server = Server(CLAIM)
    before = os.umask(0o077)
    try:
        run(server, tmp_path)
        run(server, tmp_path)
    finally:
        os.umask(before)
    (volume,) = server.volumes.values()
    folder = Path(volume["spec"]["local"]["path"])
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o777 == 0o777
    assert volume["spec"]["claimRef"]["uid"] == "u-1"
    assert volume["spec"]["capacity"] == {"storage": "5Gi"}
    assert volume["spec"]["accessModes"] == ["ReadWriteOnce"]


@pytest.mark.parametrize(
    "change",
    [
        {"spec": {**CLAIM["spec"], "storageClassName": "other"}},
        {"spec": {**CLAIM["spec"], "storageClassName": ""}},
        {"spec": {**CLAIM["spec"], "volumeName": "chosen"}},
        {"metadata": {**CLAIM["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}},
    ],
)
def test_other_claims_are_left_alone(tmp_path: Path, change: dict[str, Any]) -> None:
    assert waits(CLAIM)
    server = Server({**CLAIM, **change})
    run(server, tmp_path)
    assert server.volumes == {}
    assert list(tmp_path.iterdir()) == []


def released(volume: dict[str, Any], **spec: str) -> dict[str, Any]:
    return {**volume, "spec": {**volume["spec"], **spec}, "status": {"phase": "Released"}}


def test_a_released_volume_goes_with_its_folder(tmp_path: Path) -> None:
    server = Server(CLAIM)
    run(server, tmp_path)
    (name, volume), server.claims = next(iter(server.volumes.items())), []
    (Path(volume["spec"]["local"]["path"]) / "file").touch()
    run(server, tmp_path)
    assert list(server.volumes) == [name], "a volume in use must stay"
    server.volumes[name] = released(volume)
    run(server, tmp_path)
    assert server.volumes == {}
    assert list(tmp_path.iterdir()) == []


def test_what_is_to_be_kept_or_is_somebody_else_s_stays(tmp_path: Path) -> None:
    volume = volume_for(CLAIM, tmp_path, "node")
    assert ended(released(volume))
    assert not ended(released(volume, persistentVolumeReclaimPolicy="Retain"))
    assert not ended({**released(volume), "metadata": {"name": "theirs"}})


def test_a_volume_that_points_elsewhere_loses_no_files(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    volume = released(volume_for(CLAIM, tmp_path / "volumes", "node"), local={"path": str(precious)})  # type: ignore[arg-type]
    server = Server()
    server.volumes[volume["metadata"]["name"]] = volume
    run(server, tmp_path / "volumes")
    assert precious.is_dir()


def test_it_runs_with_the_standard_library_alone() -> None:
    """It is started as a copy, by an interpreter that knows nothing of this project."""
    program = Path(str(provisioner.__file__))
    command = [sys.executable, "-I", "-S", "-c", f"import runpy; runpy.run_path({str(program)!r}, run_name='read')"]
    subprocess.run(command, check=True, capture_output=True)


def test_its_role_is_what_it_asks_for() -> None:
    source = Path(str(provisioner.__file__)).read_text()
    role = next(item for item in storage.STORAGE if item["kind"] == "ClusterRole")
    verbs = {rule["resources"][0]: set(rule["verbs"]) for rule in role["rules"]}  # type: ignore[attr-defined]
    assert verbs == {"persistentvolumeclaims": {"list", "watch"}, "persistentvolumes": {"list", "create", "delete"}}
    assert {"GET", "POST", "DELETE"} >= {
        word for word in ("GET", "POST", "DELETE", "PATCH", "PUT") if f'"{word}"' in source
    }
