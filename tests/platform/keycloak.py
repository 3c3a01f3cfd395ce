"""A Keycloak of its own for a test, on the host: the provider of OpenID Connect that a company has."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.certificates import Authority, Identity
from local.machine import Machine
from local.waiting import wait
from tests.platform.minio_server import halves

VERSION = "26.7.3"
SHA256 = "27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
REALM, CLIENT = "acme", "airflow"
#: Person -> her group.
PEOPLE = {"ada": "data-platform", "ben": "data-engineers", "eve": "marketing"}
READY_SECONDS = 300
# It serves a few pages and ends: the second compiler and more memory would not pay.
JAVA = {"JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx384m", "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1"}
MAPPER: dict[str, Any] = {
    "name": "groups",
    "protocol": "openid-connect",
    "protocolMapper": "oidc-group-membership-mapper",
    "config": {"claim.name": "groups", "full.path": "false", "userinfo.token.claim": "true"},
}


@dataclass(frozen=True)
class Keycloak:
    """A realm with one client and some people; ``password`` is everyone's, ``secret`` the client's, ``trusted`` who
    signed the server's certificate."""

    address: str
    trusted: Path
    password: str
    secret: str
    process: subprocess.Popen[bytes]

    @property
    def issuer(self) -> str:
        return f"{self.address}/realms/{REALM}"

    def with_new_secret(self) -> Keycloak:
        """Have the client another secret: the one before is worth nothing then."""
        found = self._asks("POST", f"clients/{self._client()['id']}/client-secret")
        return replace(self, secret=found["value"])

    def tell_groups(self, *, in_id_token: bool) -> None:
        """Where a log-in learns of groups: from the ID token too, or from userinfo only."""
        path = f"clients/{self._client()['id']}/protocol-mappers/models"
        [found] = [one for one in self._asks("GET", path) if one["name"] == MAPPER["name"]]
        found["config"]["id.token.claim"] = json.dumps(in_id_token)
        self._asks("PUT", f"{path}/{found['id']}", json=found)

    def move(self, person: str, group: str) -> None:
        """Take somebody out of her groups, and into this one."""
        [user] = self._asks("GET", "users", params={"username": person, "exact": "true"})
        groups = {one["name"]: one["id"] for one in self._asks("GET", "groups")}
        for one in self._asks("GET", f"users/{user['id']}/groups"):
            self._asks("DELETE", f"users/{user['id']}/groups/{one['id']}")
        self._asks("PUT", f"users/{user['id']}/groups/{groups[group]}")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    def missing(self) -> str | None:
        """What it still lacks to be asked."""
        if self.process.poll() is not None:
            return "it has ended"
        try:
            with self._http() as http:
                http.get(f"{self.issuer}/.well-known/openid-configuration").raise_for_status()
        except httpx.HTTPError as error:
            return str(error) or type(error).__name__
        return None

    def _client(self) -> Any:
        [found] = self._asks("GET", "clients", params={"clientId": CLIENT})
        return found

    def _asks(self, method: str, path: str, **request: Any) -> Any:
        form = {"grant_type": "password", "client_id": "admin-cli", "username": "root", "password": self.password}
        with self._http() as http:
            token = http.post(f"{self.address}/realms/master/protocol/openid-connect/token", data=form)
            headers = {"Authorization": f"Bearer {token.raise_for_status().json()['access_token']}"}
            answer = http.request(method, f"{self.address}/admin/realms/{REALM}/{path}", headers=headers, **request)
        return answer.raise_for_status().json() if answer.content else None

    def _http(self) -> httpx.Client:
        return httpx.Client(verify=trusting(self.trusted), trust_env=False, timeout=60)


def trusting(authority: Path) -> Any:
    """For ``verify`` of httpx: this authority, and none else."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_verify_locations(authority)
    return context


@contextlib.contextmanager
def keycloak_server(machine: Machine, home: Path, host: str, issuer: Authority, redirect: str) -> Iterator[Keycloak]:
    """The server, for as long as it is needed; pods reach it where ``host`` is the node's address.

    ``redirect`` is where people may be sent back to.
    """
    with socket.socket() as free:
        free.bind((host, 0))
        port = free.getsockname()[1]
    key, certificate = halves(issuer.issue("keycloak", Identity("keycloak", names=(host,))))
    (home / "tls.key").write_text(key)
    (home / "tls.crt").write_text(certificate)
    password, secret = secrets.token_urlsafe(24), secrets.token_urlsafe(32)
    program = home / "keycloak"
    shutil.copytree(_program(machine), program)
    (program / "data/import").mkdir(parents=True)
    (program / f"data/import/{REALM}-realm.json").write_text(json.dumps(_realm(password, secret, redirect)))
    options = {
        "cache": "local",
        "hostname": f"https://{host}:{port}",
        "http-host": host,
        "https-port": port,
        "https-certificate-file": home / "tls.crt",
        "https-certificate-key-file": home / "tls.key",
    }
    command = [str(program / "bin/kc.sh"), "start", "--optimized", "--import-realm"]
    command += [f"--{name}={value}" for name, value in options.items()]
    log_in = {"KC_BOOTSTRAP_ADMIN_USERNAME": "root", "KC_BOOTSTRAP_ADMIN_PASSWORD": password}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **JAVA, **log_in}, stdout=log, stderr=log)
    found = Keycloak(f"https://{host}:{port}", issuer.certificate, password, secret, process)
    try:
        wait("Keycloak", found.missing, READY_SECONDS, lambda: (home / "log").read_text()[-2000:])
        yield found
    finally:
        found.stop()


def _realm(password: str, secret: str, redirect: str) -> dict[str, Any]:
    client = {
        "clientId": CLIENT,
        "secret": secret,
        "publicClient": False,
        "directAccessGrantsEnabled": False,
        "redirectUris": [redirect],
        "protocolMappers": [{**MAPPER, "config": {**MAPPER["config"], "id.token.claim": "true"}}],
    }
    people = [
        {
            "username": name,
            "enabled": True,
            "email": f"{name}@example.org",
            "emailVerified": True,
            "firstName": name.title(),
            "lastName": "Example",
            "groups": [group],
            "credentials": [{"type": "password", "value": password}],
        }
        for name, group in PEOPLE.items()
    ]
    groups = [{"name": name} for name in PEOPLE.values()]
    return {"realm": REALM, "enabled": True, "groups": groups, "clients": [client], "users": people}


def _program(machine: Machine) -> Path:
    """Keycloak's folder, fetched once and made ready to start; kept in the user's cache."""
    if not shutil.which("mvn") or not shutil.which("java"):
        pytest.skip("no Maven with a Java on PATH: Keycloak is had from there")
    base = machine.cache / "keycloak"
    base.mkdir(parents=True, exist_ok=True)
    folder = base / f"keycloak-{VERSION}"
    with (base / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _make(base, folder)
            (folder / "ready").touch()
    return folder


def _make(base: Path, folder: Path) -> None:
    artifact = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
    fetch = ["mvn", "--batch-mode", "--quiet", COPY, f"-Dartifact={artifact}", f"-DoutputDirectory={base}"]
    _run(fetch)
    archive = base / f"keycloak-quarkus-dist-{VERSION}.zip"
    with archive.open("rb") as content:
        assert hashlib.file_digest(content, "sha256").hexdigest() == SHA256
    shutil.unpack_archive(archive, base)
    archive.unlink()
    start = folder / "bin/kc.sh"
    start.chmod(0o755)
    # Without that it would do the same at each start.
    _run([str(start), "build", "--db=dev-mem"])


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, env={**os.environ, **JAVA}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
