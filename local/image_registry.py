"""Two registries on loopback: one with a password for what users push, one without for stand-ins of upstream images."""

from __future__ import annotations

import base64
import json
import secrets
from pathlib import Path

import bcrypt

from local import files, probes
from local.machine import Machine
from local.processes import Daemon

USERNAME = "pipeline"
# bcrypt's fewest: the registry checks the password with every request, 60 ms at ten, 1 ms at four. To guess 192 random
# bits takes for ever at any.
ROUNDS = 4
#: Upstream registries that containerd and BuildKit look for in the mirror first: docker.io/library/python:3.13-slim is
#: `<mirror>/docker.io/library/python:3.13-slim` there.
UPSTREAMS = (
    "cgr.dev",
    "docker.io",
    "gcr.io",
    "ghcr.io",
    "mcr.microsoft.com",
    "public.ecr.aws",
    "quay.io",
    "registry.k8s.io",
)
DOCKER_HUB = "docker.io"


def mirrored(machine: Machine, reference: str) -> str:
    """Where the mirror keeps ``reference``; short forms (``postgres:17``, ``apache/airflow:3.2.2``) mean Docker Hub."""
    host, slash, _ = reference.partition("/")
    if slash and ("." in host or ":" in host or host == "localhost"):
        return f"{machine.mirror}/{reference}"
    return f"{machine.mirror}/{DOCKER_HUB}/{reference if slash else f'library/{reference}'}"


def credentials(machine: Machine) -> dict[str, str]:
    """``server``, ``username`` and ``password`` of the registry that users push to; made at first use."""
    path = machine.registry_credentials
    if path.exists():
        known: dict[str, str] = json.loads(path.read_text())
        if known["server"] == machine.registry:
            return known
    made = {"server": machine.registry, "username": USERNAME, "password": secrets.token_urlsafe(24)}
    files.write(path, json.dumps(made, indent=2) + "\n", 0o600)
    return made


def docker_configuration(machine: Machine) -> str:
    """What Docker's clients read to push; containerd never sees it, so that pods need a pull secret."""
    known = credentials(machine)
    token = base64.b64encode(f"{known['username']}:{known['password']}".encode()).decode()
    return json.dumps({"auths": {machine.registry: {"auth": token}}}, indent=2) + "\n"


def prepare(machine: Machine) -> None:
    files.folder(machine.docker_config, 0o700)
    files.write(machine.docker_config / "config.json", docker_configuration(machine), 0o600)
    known = credentials(machine)
    entry = _password_file(machine)
    # A bcrypt hash has a salt: made again only for another, or the registry would restart each time.
    if not (entry.exists() and _matches(entry.read_text(), known)):
        hashed = bcrypt.hashpw(known["password"].encode(), bcrypt.gensalt(ROUNDS)).decode()
        files.write(entry, f"{known['username']}:{hashed}\n", 0o600)


def daemons(machine: Machine) -> tuple[Daemon, ...]:
    password: dict[str, object] = {
        "auth": {"htpasswd": {"realm": "de-airflow-pipeline", "path": str(_password_file(machine))}}
    }
    return (
        # Without an account it answers "unauthorized", which is as good a sign of life as any.
        _daemon(machine, "registry", password, (401,)),
        # Open to every process of the machine: it holds nothing but stand-ins, and one person tries things here.
        _daemon(machine, "mirror", {}, (200,)),
    )


def _daemon(machine: Machine, name: str, extra: dict[str, object], accepted: tuple[int, ...]) -> Daemon:
    address = f"127.0.0.1:{machine.port(name)}"
    configuration = {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(files.folder(machine.state / "images" / name, 0o700))},
            "delete": {"enabled": True},
        },
        "http": {"addr": address, "secret": _http_secret(machine)},
        **extra,
    }
    path = machine.state / "run" / f"{name}.yaml"
    return Daemon(
        name,
        (str(machine.tool("registry")), "serve", str(path)),
        lambda: probes.http_answers(f"http://{address}/v2/", accepted=accepted),
        # Its tracing would else look for a collector, and log every failure.
        {"OTEL_TRACES_EXPORTER": "none"},
        {path: json.dumps(configuration, indent=2) + "\n"},
        address,
    )


def _password_file(machine: Machine) -> Path:
    return machine.state / "registry.htpasswd"


def _http_secret(machine: Machine) -> str:
    path = machine.state / "registry-upload-secret"
    if not path.exists():
        files.write(path, secrets.token_hex(32), 0o600)
    return path.read_text()


def _matches(entry: str, known: dict[str, str]) -> bool:
    username, _, hashed = entry.strip().partition(":")
    if username != known["username"] or hashed.split("$")[2:3] != [f"{ROUNDS:02}"]:
        return False
    return bcrypt.checkpw(known["password"].encode(), hashed.encode())
