import base64
import gzip
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard

from registry.client import Credentials, Registry, docker_credentials
from registry.errors import RegistryError, RegistryRefusedError, RegistryUnreachableError
from registry.layer_sizes import LayerSizes, unpacked_size
from registry.layer_stream import unpacked
from registry.stand_ins import is_on_a_stand_in, promotion_problems

DIGEST = "sha256:" + "a" * 64
LAYERS: list[dict[str, Any]] = [
    {"size": 100, "digest": "sha256:" + "1" * 64},
    {"size": 20, "digest": "sha256:" + "2" * 64},
]
MANIFEST = {"config": {"size": 7, "digest": "sha256:" + "c" * 64}, "layers": LAYERS}
BLOBS = {
    LAYERS[0]["digest"]: gzip.compress(b"x" * 70_000),
    LAYERS[1]["digest"]: zstandard.ZstdCompressor().compress(b"y" * 80_000),
}
LABELS = {"io.de-airflow-pipeline.stand-in": "true"}
#: With the nanoseconds that BuildKit writes.
CREATED = "2026-09-01T10:20:30.123456789Z"
INDEX = {"manifests": [{"digest": DIGEST}, {"digest": "sha256:" + "b" * 64}]}


def blob(content: bytes, part: str | None) -> httpx.Response:
    parts = {"bytes=0-3": content[:4], "bytes=-4": content[-4:]}
    return httpx.Response(206, content=parts[part]) if part else httpx.Response(200, content=content)


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
            return httpx.Response(200, json=INDEX, headers={"Docker-Content-Digest": "sha256:" + "f" * 64})
        case path if path.endswith("/blobs/sha256:" + "c" * 64):
            return httpx.Response(200, json={"created": CREATED, "config": {"Labels": LABELS}})
        case path if path.partition("/blobs/")[2] in BLOBS:
            return blob(BLOBS[path.partition("/blobs/")[2]], request.headers.get("Range"))
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
def test_an_image_says_when_it_was_made(image: str) -> None:
    assert registry().created(f"localhost:5000/local/{image}:1") == datetime(2026, 9, 1, 10, 20, 30, 123456, UTC)
    assert registry().created(f"localhost:5000/local/{image}:2") is None


@pytest.mark.parametrize("told", [{}, {"created": None}, {"created": "yesterday"}])
def test_an_image_need_not_say_when_it_was_made(told: dict[str, object]) -> None:
    def silent(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=told if "/blobs/" in request.url.path else MANIFEST)

    asked = Registry("localhost:5000", transport=httpx.MockTransport(silent))
    assert asked.created("localhost:5000/local/x:1") is None


@pytest.mark.parametrize("image", ["x", "many"])
def test_size_counts_configuration_and_layers_of_one_platform(image: str) -> None:
    assert registry().size(f"localhost:5000/local/{image}:1") == 127


def test_the_manifest_names_the_layers_and_the_digest_of_what_was_asked_for() -> None:
    one, many = (registry().manifest(f"localhost:5000/local/{name}:1") for name in ("x", "many"))
    assert one is not None
    assert many is not None
    assert (one.digest, many.digest) == (DIGEST, "sha256:" + "f" * 64)
    assert one.layers == many.layers
    assert [layer.size for layer in one.layers] == [100, 20]


def test_the_unpacked_size_of_a_layer() -> None:
    sizes = [unpacked_size(registry(), "local/x", layer["digest"]) for layer in LAYERS]
    assert sizes == [70_000, 80_000]
    assert unpacked_size(registry(), "local/x", "sha256:" + "3" * 64) is None


def test_nothing_is_downloaded_from_elsewhere_to_measure_it() -> None:
    def remote(request: httpx.Request) -> httpx.Response:
        assert "Range" in request.headers
        return answer(request)

    elsewhere = Registry("ghcr.io", Credentials("user", "secret"), transport=httpx.MockTransport(remote))
    assert [unpacked_size(elsewhere, "local/x", layer["digest"]) for layer in LAYERS] == [70_000, None]


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress, zstandard.ZstdCompressor().compress])
def test_a_layer_is_read_however_it_is_packed(pack: Callable[[bytes], bytes]) -> None:
    assert unpacked(io.BytesIO(pack(b"z" * 300_000))).read() == b"z" * 300_000


def test_sizes_are_asked_for_once(tmp_path: Path) -> None:
    layers = [("local/x", layer["digest"]) for layer in LAYERS]
    path = tmp_path / "cache" / "sizes.json"
    wanted = {LAYERS[0]["digest"]: 70_000, LAYERS[1]["digest"]: 80_000}
    assert LayerSizes(path).unpacked(registry(), layers) == wanted
    silent = Registry("localhost:5000", transport=httpx.MockTransport(lambda _: httpx.Response(500)))
    assert LayerSizes(path).unpacked(silent, layers) == wanted
    path.write_text("{")
    with pytest.raises(RegistryError):
        LayerSizes(path).unpacked(silent, layers)


def test_what_stands_on_a_stand_in_is_not_promoted() -> None:
    image = "localhost:5000/local/x:1"
    assert registry().labels(image) == LABELS
    images = [image, "localhost:5000/local/x:2"]
    for elsewhere in ("ghcr.io", "localhost:5001", "127.0.0.1:5000"):
        [problem] = promotion_problems(registry(), images, elsewhere)
        assert (problem.file, problem.found) == (image, "an image on a stand-in of its base")
    assert promotion_problems(registry(), images, "localhost:5000") == []


def test_what_stands_on_a_stand_in_does_not_go_on_within_a_registry_of_all() -> None:
    ours = Registry("ghcr.io", Credentials("user", "secret"), transport=httpx.MockTransport(answer))
    [problem] = promotion_problems(ours, ["ghcr.io/local/x:1"], "ghcr.io")
    assert problem.found == "an image on a stand-in of its base"


@pytest.mark.parametrize(
    ("labels", "expected"), [({}, False), ({"other": "true"}, False), (LABELS, True), (dict.fromkeys(LABELS, ""), True)]
)
def test_a_stand_in_is_told_by_its_label_whatever_the_value(labels: dict[str, str], expected: bool) -> None:
    assert is_on_a_stand_in(labels) is expected


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
