import base64
import json
from pathlib import Path

import httpx
import pytest

from registry.client import (
    Credentials,
    Registry,
    RegistryError,
    RegistryRefusedError,
    RegistryUnreachableError,
    docker_credentials,
)

DIGEST = "sha256:" + "a" * 64
MANIFEST = {"config": {"size": 7, "digest": "sha256:" + "c" * 64}, "layers": [{"size": 100}, {"size": 20}]}
INDEX = {"manifests": [{"digest": DIGEST}, {"digest": "sha256:" + "b" * 64}]}


def answer(request: httpx.Request) -> httpx.Response:
    if request.headers.get("Authorization") != "Basic " + base64.b64encode(b"user:secret").decode():
        return httpx.Response(401)
    match request.url.path:
        case "/v2/":
            return httpx.Response(200)
        case "/v2/local/x/manifests/1":
            assert "oci.image.index" in request.headers["Accept"]
            return httpx.Response(200, json=MANIFEST, headers={"Docker-Content-Digest": DIGEST})
        case "/v2/local/many/manifests/1":
            return httpx.Response(200, json=INDEX)
        case "/v2/local/broken/manifests/1":
            return httpx.Response(500)
        case path if path == f"/v2/local/many/manifests/{DIGEST}":
            return httpx.Response(200, json=MANIFEST)
    return httpx.Response(404)


def registry(password: str = "secret") -> Registry:
    return Registry("localhost:5000", Credentials("user", password), transport=httpx.MockTransport(answer))


def test_digest_is_that_of_the_registry() -> None:
    assert registry().digest("localhost:5000/local/x:1") == DIGEST
    assert registry().exists("localhost:5000/local/x:1")


def test_a_missing_image_is_none() -> None:
    assert registry().digest("localhost:5000/local/x:2") is None
    assert not registry().exists("localhost:5000/local/x:2")
    assert registry().size("localhost:5000/local/x:2") is None


@pytest.mark.parametrize("image", ["x", "many"])
def test_size_counts_configuration_and_layers_of_one_platform(image: str) -> None:
    assert registry().size(f"localhost:5000/local/{image}:1") == 127


def test_the_configuration_is_that_of_one_platform() -> None:
    assert registry().configuration("localhost:5000/local/x:1") == "sha256:" + "c" * 64
    assert registry().configuration("localhost:5000/local/many:1") is None
    assert registry().configuration("localhost:5000/local/x:2") is None


def test_refused_credentials_are_named_and_not_shown() -> None:
    with pytest.raises(RegistryRefusedError, match=r"localhost:5000 refuses .*credentials") as caught:
        registry("hunter2").check()
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(Credentials("user", "hunter2"))


def token_server(realm: str) -> httpx.MockTransport:
    """A registry that takes tokens only, and what sells them, as ghcr.io does."""

    def answer(request: httpx.Request) -> httpx.Response:
        signature = request.headers.get("Authorization", "")
        if request.url.path == "/token":
            if signature != "Basic " + base64.b64encode(b"user:secret").decode():
                return httpx.Response(403)
            assert dict(request.url.params) == {"service": "ghcr.io", "scope": "repository:acme/x:pull"}
            return httpx.Response(200, json={"token": "bought"})
        if signature == "Bearer bought":
            return httpx.Response(200, headers={"Docker-Content-Digest": DIGEST})
        challenge = f'Bearer realm="{realm}",service="ghcr.io",scope="repository:acme/x:pull"'
        return httpx.Response(401, headers={"WWW-Authenticate": challenge})

    return httpx.MockTransport(answer)


def test_a_token_is_bought_where_the_registry_asks_for_one() -> None:
    transport = token_server("https://ghcr.io/token")
    assert Registry("ghcr.io", Credentials("user", "secret"), transport=transport).digest("ghcr.io/acme/x:1") == DIGEST
    for credentials in (Credentials("user", "wrong"), None):
        with pytest.raises(RegistryRefusedError):
            Registry("ghcr.io", credentials, transport=transport).digest("ghcr.io/acme/x:1")


def test_no_password_goes_anywhere_in_clear_text() -> None:
    transport = token_server("http://ghcr.io/token")
    with pytest.raises(RegistryRefusedError):
        Registry("ghcr.io", Credentials("user", "secret"), transport=transport).digest("ghcr.io/acme/x:1")


def test_a_basic_realm_is_no_address() -> None:
    challenge = {"WWW-Authenticate": 'Basic realm="https://[not an address:x"'}
    transport = httpx.MockTransport(lambda _: httpx.Response(401, headers=challenge))
    with pytest.raises(RegistryRefusedError):
        Registry("localhost:5000", transport=transport).check()


def test_a_failing_server_is_no_missing_image() -> None:
    with pytest.raises(RegistryError, match="answers 500"):
        registry().exists("localhost:5000/local/broken:1")


def test_an_unreachable_server_is_named() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)

    with pytest.raises(RegistryUnreachableError, match=r"localhost:5000 cannot be reached.*connection refused"):
        Registry("localhost:5000", transport=httpx.MockTransport(refuse)).check()


def test_an_image_of_another_server_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="is not in"):
        registry().digest("ghcr.io/local/x:1")


def test_credentials_come_from_dockers_configuration(tmp_path: Path) -> None:
    assert docker_credentials(tmp_path) == {}
    auth = base64.b64encode(b"user:se:cret").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"localhost:5000": {"auth": auth}}}))
    assert docker_credentials(tmp_path) == {"localhost:5000": Credentials("user", "se:cret")}


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A credential helper that knows one server."""
    program = tmp_path / "bin" / "docker-credential-safe"
    program.parent.mkdir()
    program.write_text(
        """#!/bin/sh
case "$1 $(cat)" in
    "get ghcr.io") echo '{"ServerURL": "ghcr.io", "Username": "user", "Secret": "se:cret"}' ;;
    "get broken.test") echo "hunter2"; exit 3 ;;
    *) echo "credentials not found in native keychain"; exit 1 ;;
esac
"""
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return program


@pytest.mark.parametrize(
    "document",
    [
        {"auths": {"ghcr.io": {}}, "credsStore": "safe"},
        {"credHelpers": {"ghcr.io": "safe"}},
        {"auths": {"ghcr.io": {}}, "credHelpers": {"ghcr.io": "safe", "other.test": "absent"}},
    ],
)
@pytest.mark.usefixtures("helper")
def test_a_credential_helper_is_asked(tmp_path: Path, document: dict[str, object]) -> None:
    (tmp_path / "config.json").write_text(json.dumps(document))
    assert docker_credentials(tmp_path).get("ghcr.io") == Credentials("user", "se:cret")


@pytest.mark.usefixtures("helper")
def test_what_a_credential_helper_does_not_know_is_no_log_in(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "safe"}))
    assert docker_credentials(tmp_path).get("unknown.test") is None
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"unknown.test": {}}}))
    assert docker_credentials(tmp_path).get("unknown.test") is None


@pytest.mark.usefixtures("helper")
def test_a_credential_helper_that_is_absent_or_fails_is_named_and_nothing_shown(tmp_path: Path) -> None:
    helpers = {"ghcr.io": "absent", "broken.test": "safe"}
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": helpers}))
    found = docker_credentials(tmp_path)
    with pytest.raises(RegistryError, match=r"ghcr\.io is kept by docker-credential-absent, which is not on PATH"):
        found.get("ghcr.io")
    with pytest.raises(RegistryError, match=r"docker-credential-safe gives no log-in to broken\.test") as caught:
        found.get("broken.test")
    assert "hunter2" not in str(caught.value)
