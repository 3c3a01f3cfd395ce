"""The two registries, and who may know their password."""

from __future__ import annotations

import base64
import json
import stat
import tomllib
from dataclasses import replace
from pathlib import Path

import bcrypt
import pytest

from local import builder, containers, image_registry
from local.image_registry import UPSTREAMS, credentials, mirrored
from local.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine.here({"HOME": str(tmp_path)})
    made.state.mkdir(parents=True)
    (made.state / "run").mkdir()
    return made


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("postgres:17", "docker.io/library/postgres:17"),
        ("apache/airflow:3.2.2-python3.12", "docker.io/apache/airflow:3.2.2-python3.12"),
        ("docker.io/library/python:3.13-slim", "docker.io/library/python:3.13-slim"),
        ("quay.io/minio/minio:x", "quay.io/minio/minio:x"),
        ("registry.example.org:443/a", "registry.example.org:443/a"),
        ("localhost/a", "localhost/a"),
    ],
)
def test_the_mirror_keeps_images_under_their_full_name(machine: Machine, reference: str, expected: str) -> None:
    assert mirrored(machine, reference) == f"localhost:5001/{expected}"


def test_credentials_are_made_once_and_private(machine: Machine) -> None:
    made = credentials(machine)
    assert credentials(machine) == made
    assert set(made) == {"server", "username", "password"}
    assert stat.S_IMODE(machine.registry_credentials.stat().st_mode) == 0o600
    assert len(made["password"]) >= 24


def test_credentials_follow_the_registry_s_address(machine: Machine) -> None:
    before = credentials(machine)
    moved = credentials(replace(machine, registry="localhost:6000"))
    assert moved["server"] == "localhost:6000"
    assert moved["password"] != before["password"]


def test_docker_s_clients_can_push_and_the_registry_knows_only_a_hash(machine: Machine) -> None:
    image_registry.prepare(machine)
    known = credentials(machine)
    auths = json.loads((machine.docker_config / "config.json").read_text())["auths"]
    token = base64.b64decode(auths["localhost:5000"]["auth"]).decode()
    assert token == f"{known['username']}:{known['password']}"
    username, _, hashed = (machine.state / "registry.htpasswd").read_text().strip().partition(":")
    assert username == known["username"]
    assert bcrypt.checkpw(known["password"].encode(), hashed.encode())


def test_preparing_again_restarts_nothing(machine: Machine) -> None:
    image_registry.prepare(machine)
    before = [daemon.digest for daemon in image_registry.daemons(machine)]
    entry = (machine.state / "registry.htpasswd").read_bytes()
    image_registry.prepare(machine)
    assert [daemon.digest for daemon in image_registry.daemons(machine)] == before
    assert (machine.state / "registry.htpasswd").read_bytes() == entry


def test_a_hash_that_takes_long_to_check_is_made_anew(machine: Machine) -> None:
    image_registry.prepare(machine)
    entry, known = machine.state / "registry.htpasswd", credentials(machine)
    dear = bcrypt.hashpw(known["password"].encode(), bcrypt.gensalt(rounds=5)).decode()
    entry.write_text(f"{known['username']}:{dear}\n")
    image_registry.prepare(machine)
    hashed = entry.read_text().strip().partition(":")[2]
    assert hashed.startswith("$2b$04$")
    assert bcrypt.checkpw(known["password"].encode(), hashed.encode())


def test_the_password_is_in_nothing_that_containerd_or_a_process_list_shows(machine: Machine) -> None:
    image_registry.prepare(machine)
    containers.prepare(machine)
    password = credentials(machine)["password"]
    for daemon in image_registry.daemons(machine):
        shown = [*daemon.command, *daemon.environment.values(), *daemon.files.values()]
        assert not [text for text in shown if password in text]
    hosts = [path.read_text() for path in (machine.state / "hosts").rglob("*") if path.is_file()]
    assert hosts
    assert not [text for text in (*hosts, containers.configuration(machine)) if password in text]


def test_only_the_mirror_is_open(machine: Machine) -> None:
    image_registry.prepare(machine)
    configurations = {
        daemon.name: json.loads(next(iter(daemon.files.values()))) for daemon in image_registry.daemons(machine)
    }
    assert "htpasswd" in configurations["registry"]["auth"]
    assert "auth" not in configurations["mirror"]
    assert {c["http"]["addr"] for c in configurations.values()} == {"127.0.0.1:5000", "127.0.0.1:5001"}


def test_containerd_and_buildkit_look_in_the_mirror_first(machine: Machine) -> None:
    containers.prepare(machine)
    registries = tomllib.loads(builder.configuration(machine))["registry"]
    for upstream in UPSTREAMS:
        hosts = tomllib.loads((machine.state / "hosts" / upstream / "hosts.toml").read_text())
        ((mirror, entry),) = hosts["host"].items()
        assert mirror == f"http://localhost:5001/v2/{upstream}"
        assert entry == {"capabilities": ["pull", "resolve"], "override_path": True}
        assert hosts["server"].startswith("https://")
        assert registries[upstream]["mirrors"] == [f"localhost:5001/{upstream}"]
    assert registries["localhost:5000"] == registries["localhost:5001"] == {"http": True}


def test_docker_s_clients_find_buildkit(machine: Machine) -> None:
    builder.prepare(machine)
    instance = json.loads((machine.docker_config / "buildx" / "instances" / builder.INSTANCE).read_text())
    assert instance["Driver"] == "remote"
    assert instance["Nodes"][0]["Endpoint"] == machine.buildkit_address
