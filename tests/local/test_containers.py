"""containerd's configuration and the pause image."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
import tomllib
from pathlib import Path

import pytest

from local import containers
from local.machine import Machine
from local.waiting import GaveUp


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine.here({"HOME": str(tmp_path)})


def members(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        files = {entry.name: opened.extractfile(entry) for entry in opened}
        return {name: file.read() for name, file in files.items() if file is not None}


def test_the_pause_image_is_a_whole_image_layout() -> None:
    layout = members(containers.pause_archive(b"binary"))
    (entry,) = json.loads(layout["index.json"])["manifests"]
    assert entry["annotations"]["io.containerd.image.name"] == containers.PAUSE_IMAGE

    def blob(description: dict[str, object]) -> bytes:
        content = layout[f"blobs/sha256/{str(description['digest']).removeprefix('sha256:')}"]
        assert hashlib.sha256(content).hexdigest() == str(description["digest"]).removeprefix("sha256:")
        assert len(content) == description["size"]
        return content

    manifest = json.loads(blob(entry))
    config = json.loads(blob(manifest["config"]))
    layer = blob(manifest["layers"][0])
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert members(layer) == {"pause": b"binary"}


def test_the_same_binary_is_the_same_image() -> None:
    assert containers.pause_archive(b"a") == containers.pause_archive(b"a") != containers.pause_archive(b"b")


@pytest.mark.parametrize("restricted", [True, False])
def test_configuration(machine: Machine, monkeypatch: pytest.MonkeyPatch, restricted: bool) -> None:
    monkeypatch.setattr(containers, "lacks_sys_resource", lambda: restricted)
    content = tomllib.loads(containers.configuration(machine))
    runtime = content["plugins"]["io.containerd.cri.v1.runtime"]
    assert runtime["restrict_oom_score_adj"] is restricted
    for path in (content["root"], content["state"], content["grpc"]["address"], runtime["cni"]["conf_dir"]):
        assert Path(path).is_relative_to(machine.state)
    images = content["plugins"]["io.containerd.cri.v1.images"]
    assert images["pinned_images"]["sandbox"] == containers.PAUSE_IMAGE


def test_only_what_reaching_a_registry_takes_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.org:3128")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    environment = containers.environment()
    assert environment["HTTPS_PROXY"] == "http://proxy.example.org:3128"
    assert "AWS_SECRET_ACCESS_KEY" not in environment


def test_an_answer_that_never_comes_does_not_hold_up_the_end(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("ctr", containers.CTR_SECONDS)

    monkeypatch.setattr(subprocess, "run", hang)
    containers.stop_pods(machine)
    with pytest.raises(GaveUp, match="has not ended after 60 s"):
        containers.import_pause_image(machine)
