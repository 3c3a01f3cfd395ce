"""A registry's certificate whose dates and this machine's clock do not fit. The platform's own: tests/local."""

from __future__ import annotations

import datetime
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bcrypt
import pytest

from infra.registry_log_in import LogIn
from local import certificates
from local.certificates import Authority, Identity
from local.machine import Machine
from local.network import NODE_ADDRESS
from local.waiting import wait
from pipelines.errors import InputError
from tests.registry.servers import LOG_IN, binary

pytestmark = [pytest.mark.platform, pytest.mark.faults]

DAY = datetime.timedelta(days=1)
#: From so long ago, for so long from now.
SPANS = {"has expired": (30 * DAY, -DAY), "is not yet valid": (-DAY, 30 * DAY)}


@pytest.fixture(params=SPANS)
def skewed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is issued from now on is of another time; what is said of it."""
    monkeypatch.setattr(certificates, "BACKDATE", SPANS[request.param][0])
    monkeypatch.setattr(certificates, "LIFETIME", SPANS[request.param][1])
    return str(request.param)


@contextmanager
def serving(folder: Path, identity: Path) -> Iterator[str]:
    """A registry on the node's address, where Docker's clients and ours want TLS."""
    with socket.socket() as free:
        free.bind((NODE_ADDRESS, 0))
        server = f"{NODE_ADDRESS}:{free.getsockname()[1]}"
    hashed = bcrypt.hashpw(LOG_IN.password.encode(), bcrypt.gensalt(rounds=4)).decode()
    (folder / "passwords").write_text(f"{LOG_IN.username}:{hashed}\n")
    tls = {"certificate": str(identity), "key": str(identity)}
    configuration = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": server, "secret": "shared", "tls": tls},
        "auth": {"htpasswd": {"realm": "test", "path": str(folder / "passwords")}},
    }
    (folder / "registry.yaml").write_text(json.dumps(configuration))
    environment = {**os.environ, "OTEL_TRACES_EXPORTER": "none"}
    command = [binary(), "serve", str(folder / "registry.yaml")]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait("the registry", lambda: _refused(server), 30)
        yield server
    finally:
        process.kill()
        process.wait()


def _refused(server: str) -> str | None:
    host, _, port = server.partition(":")
    try:
        socket.create_connection((host, int(port)), 1).close()
    except OSError as error:
        return str(error)
    return None


def test_a_registry_s_certificate(
    started: Machine, tmp_path: Path, skewed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    monkeypatch.delenv("https_proxy", raising=False)
    authority = Authority(tmp_path / "authority")
    with monkeypatch.context() as today:
        today.setattr(certificates, "BACKDATE", DAY)
        today.setattr(certificates, "LIFETIME", 365 * DAY)
        authority.ensure()
        renewed = authority.issue("renewed", Identity("registry", names=(NODE_ADDRESS,)))
    wrong = authority.issue("wrong", Identity("registry", names=(NODE_ADDRESS,)))
    for identity in (wrong, renewed):
        with serving(tmp_path, identity) as server:
            log_in = LogIn(server, tmp_path / "config.json", "docker login", authority=authority.certificate)
            auth = {server: {"username": LOG_IN.username, "password": LOG_IN.password}}
            (tmp_path / "config.json").write_text(json.dumps({"auths": auth}))
            if identity == renewed:
                log_in.check()
                continue
            with pytest.raises(InputError) as refused:
                log_in.check()
            message = str(refused.value)
            assert f"certificate {skewed}" in message
            assert "set this machine's clock" in message
