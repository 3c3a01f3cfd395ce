"""Copies between two real registries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import httpx
import pytest

from registry.client import Credentials
from registry.contents import Contents
from registry.copying import Copied, Copier
from registry.errors import RegistryError, RegistryRefusedError, RegistryUnreachableError
from tests.registry import pushed, servers

pytestmark = [pytest.mark.slow, pytest.mark.toolchain]
STAGING, PROD = "staging/pipeline-etl", "prod/pipeline-etl"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Contents, Contents]]:
    folder = tmp_path_factory.mktemp("registries")
    with (
        servers.serving(folder / "staging") as staging,
        servers.serving(folder / "prod") as prod,
        servers.registry(staging) as source,
        servers.registry(prod) as target,
    ):
        yield source, target


def copier(source: Contents, target: Contents) -> Copier:
    return Copier(source, target, lambda _: None)


def test_an_image_keeps_its_digest(pair: tuple[Contents, Contents]) -> None:
    source, target = pair
    image = pushed.image(source, STAGING, "1.0-a")
    copy = copier(source, target)
    copy.copy(STAGING, image["digest"], PROD, "1.0-a")
    assert target.digest(f"{target.server}/{PROD}:1.0-a") == image["digest"]
    assert copy.copied == Copied(sent=3, sent_bytes=6 + len(b'{"config": {"Labels": null}}'), manifests=2)
    with target.stream(PROD, pushed.blob(source, STAGING, b"two", pushed.LAYER)["digest"]) as pieces:
        assert b"".join(pieces) == b"two"


def test_a_second_copy_writes_nothing(pair: tuple[Contents, Contents]) -> None:
    source, target = pair
    image = pushed.image(source, STAGING, "1.0-b", (b"three",))
    copier(source, target).copy(STAGING, image["digest"], PROD, "1.0-b")
    again = copier(source, target)
    again.copy(STAGING, image["digest"], PROD, "1.0-b")
    assert again.copied == Copied(found=2)


def test_an_index_takes_its_platforms_and_their_attestations_along(pair: tuple[Contents, Contents]) -> None:
    source, target = pair
    first = pushed.image(source, STAGING, None, (b"amd64",))
    second = pushed.image(source, STAGING, None, (b"arm64",))
    attestation = pushed.image(source, STAGING, None, (b"provenance",))
    top = pushed.index(source, STAGING, "2.0-a", [first, second, attestation])
    # The distribution registry keeps no list of referrers: the tag of the digest holds it.
    signature = pushed.image(source, STAGING, None, (b"signature",), subject=top)
    pushed.index(source, STAGING, top["digest"].replace(":", "-"), [signature])
    tagged = pushed.image(source, STAGING, f"{second['digest'].replace(':', '-')}.att", (b"tagged",))
    copier(source, target).copy(STAGING, top["digest"], PROD, "2.0-a")
    for part in (top, first, second, attestation, signature, tagged):
        assert target.raw(PROD, part["digest"]) is not None
    listed = target.raw(PROD, top["digest"].replace(":", "-"))
    assert listed is not None
    assert listed.manifests == (signature["digest"],)
    assert target.digest(f"{target.server}/{PROD}:{second['digest'].replace(':', '-')}.att") == tagged["digest"]


class Listing(Contents):
    """A registry that keeps lists of referrers itself."""

    lists: Mapping[str, tuple[Mapping[str, Any], ...]] = MappingProxyType({})

    def referrers(self, repository: str, digest: str) -> tuple[Mapping[str, Any], ...]:
        return self.lists.get(digest, ())


def test_a_list_of_referrers_goes_to_where_none_is_kept(pair: tuple[Contents, Contents]) -> None:
    source, target = pair
    image = pushed.image(source, STAGING, "2.1-a", (b"listed",))
    signature = pushed.image(source, STAGING, None, (b"a signature of it",), subject=image)
    with Listing(source.server, servers.LOG_IN) as listing:
        listing.lists = {image["digest"]: (signature,)}
        copier(listing, target).copy(STAGING, image["digest"], PROD, "2.1-a")
    listed = target.raw(PROD, image["digest"].replace(":", "-"))
    assert listed is not None
    assert listed.manifests == (signature["digest"],)
    assert target.raw(PROD, signature["digest"]) is not None


def test_within_one_registry_blobs_are_linked(pair: tuple[Contents, Contents]) -> None:
    source, _ = pair
    image = pushed.image(source, STAGING, "3.0-a", (b"linked",))
    copy = copier(source, source)
    copy.copy(STAGING, image["digest"], "other/pipeline-etl", "3.0-a")
    assert source.digest(f"{source.server}/other/pipeline-etl:3.0-a") == image["digest"]
    assert copy.copied == Copied(linked=2, manifests=2)


def test_what_images_share_is_sent_once(pair: tuple[Contents, Contents]) -> None:
    source, target = pair
    one = pushed.image(source, "staging/one", "1", (b"a shared base", b"of one"))
    two = pushed.image(source, "staging/two", "1", (b"a shared base", b"of two"))
    copy = copier(source, target)
    copy.copy("staging/one", one["digest"], "prod/one", "1")
    copy.copy("staging/two", two["digest"], "prod/two", "1")
    assert (copy.copied.sent, copy.copied.linked) == (4, 2)


class Breaking(Contents):
    """A registry whose network fails at the n-th upload."""

    uploads = 0

    def upload(self, *arguments: object) -> None:
        self.uploads += 1
        if self.uploads > 2:
            raise RegistryError("broken off")
        super().upload(*arguments)  # type: ignore[arg-type]


def test_what_was_broken_off_goes_on_where_it_was(pair: tuple[Contents, Contents]) -> None:
    source, target = pair
    image = pushed.image(source, STAGING, "4.0-a", tuple(f"layer {number}".encode() for number in range(6)))
    with Breaking(target.server, servers.LOG_IN) as breaking, pytest.raises(RegistryError, match="broken off"):
        copier(source, breaking).copy(STAGING, image["digest"], "prod/resumed", "4.0-a")
    assert target.digest(f"{target.server}/prod/resumed:4.0-a") is None
    again = copier(source, target)
    again.copy(STAGING, image["digest"], "prod/resumed", "4.0-a")
    assert target.digest(f"{target.server}/prod/resumed:4.0-a") == image["digest"]
    assert (again.copied.found, again.copied.sent) == (2, 5)


def test_a_tag_moves_last_and_only_to_the_digest(pair: tuple[Contents, Contents]) -> None:
    source, target = pair
    old = pushed.image(source, STAGING, "5.0-a", (b"old",))
    new = pushed.image(source, STAGING, "5.0-b", (b"new",))
    copier(source, target).copy(STAGING, old["digest"], PROD, "5.0")
    copier(source, target).copy(STAGING, new["digest"], PROD, "5.0")
    assert target.digest(f"{target.server}/{PROD}:5.0") == new["digest"]
    assert target.raw(PROD, old["digest"]) is not None


def test_what_is_not_there_and_what_may_not_be_written_are_named(pair: tuple[Contents, Contents]) -> None:
    source, target = pair
    absent = "sha256:" + "0" * 64
    with pytest.raises(RegistryError, match=f"has no {STAGING}@{absent}"):
        copier(source, target).copy(STAGING, absent, PROD, "9")
    image = pushed.image(source, STAGING, "6.0-a")
    with (
        Contents(target.server, Credentials("team", "wrong")) as stranger,
        pytest.raises(RegistryRefusedError, match="credentials") as refusal,
    ):
        copier(source, stranger).copy(STAGING, image["digest"], PROD, "6.0-a")
    assert "wrong" not in str(refusal.value).replace("no or wrong credentials", "")


def test_lists_and_deletions(pair: tuple[Contents, Contents]) -> None:
    source, _ = pair
    image = pushed.image(source, "lists/one", "1", (b"to be deleted",))
    pushed.image(source, "lists/one", "2", (b"to be kept",))
    assert source.repositories("lists/") == ("lists/one",)
    assert sorted(source.tags("lists/one")) == ["1", "2"]
    assert source.tags("lists/none") == ()
    assert source.delete("lists/one", image["digest"])
    assert not source.delete("lists/one", image["digest"])
    assert source.tags("lists/one") == ("2",)


def test_a_token_that_was_bought_serves_a_body_that_is_sent_once() -> None:
    """ghcr.io answers 401 first; what is streamed cannot be sent a second time."""
    bodies: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return httpx.Response(200, json={"token": "bought"})
        if request.headers.get("Authorization") != "Bearer bought":
            challenge = 'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:acme/x:pull,push"'
            return httpx.Response(401, headers={"WWW-Authenticate": challenge})
        if request.method == "POST":
            return httpx.Response(202, headers={"Location": "/v2/acme/x/blobs/uploads/1?_state=s"})
        bodies.append(request.read())
        assert dict(request.url.params) == {"_state": "s", "digest": "sha256:x"}
        return httpx.Response(201)

    client = Contents("ghcr.io", Credentials("user", "secret"), transport=httpx.MockTransport(answer))
    address = client.begin("acme/x", "sha256:x")
    assert address is not None
    client.upload(address, "acme/x", "sha256:x", 4, iter([b"da", b"ta"]))
    assert bodies == [b"data"]


def test_a_token_that_ends_before_a_body_is_sent_is_no_crash_and_the_next_try_has_another() -> None:
    bought: list[str] = []

    class Selling(httpx.BaseTransport):
        """Not httpx's own transport for tests, which keeps what is streamed."""

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            list(request.stream)  # type: ignore[arg-type]
            return answer(request)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            bought.append(f"bought-{len(bought)}")
            return httpx.Response(200, json={"token": bought[-1]})
        over = request.method == "PUT" and len(bought) == 1
        if over or request.headers.get("Authorization") != f"Bearer {bought[-1] if bought else ''}":
            challenge = 'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:acme/x:pull,push"'
            return httpx.Response(401, headers={"WWW-Authenticate": challenge})
        if request.method == "POST":
            return httpx.Response(202, headers={"Location": "/v2/acme/x/blobs/uploads/1"})
        return httpx.Response(201)

    client = Contents("ghcr.io", Credentials("user", "secret"), transport=Selling())
    address = client.begin("acme/x", "sha256:x")
    assert address is not None
    with pytest.raises(RegistryUnreachableError, match="a token was over"):
        client.upload(address, "acme/x", "sha256:x", 4, (part for part in (b"da", b"ta")))
    client.upload(address, "acme/x", "sha256:x", 4, (part for part in (b"da", b"ta")))
    assert bought == ["bought-0", "bought-1"]
