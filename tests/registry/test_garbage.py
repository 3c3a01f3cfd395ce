"""What nothing reaches, in a real registry."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from registry.contents import Contents
from registry.garbage import unreached
from tests.registry import pushed, servers

pytestmark = [pytest.mark.slow, pytest.mark.toolchain]


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contents]:
    with servers.serving(tmp_path_factory.mktemp("registry")) as server, servers.registry(server) as client:
        yield client


def test_what_no_root_names_is_garbage_with_the_bytes_that_it_alone_has(contents: Contents) -> None:
    kept = pushed.image(contents, "plain", "1", (b"shared", b"kept"))
    gone = pushed.image(contents, "plain", "0", (b"shared", b"gone!"))
    pushed.image(contents, "plain", "also-0", (b"shared", b"gone!"))
    (found,) = unreached(contents, "plain", [kept["digest"]])
    assert (found.digest, found.tags, found.size) == (gone["digest"], ("0", "also-0"), len(b"gone!"))
    assert unreached(contents, "plain", ["1", "0"]) == ()
    assert {one.digest for one in unreached(contents, "plain", [])} == {kept["digest"], gone["digest"]}


def test_an_index_keeps_its_platforms_and_what_is_attested_about_them(contents: Contents) -> None:
    first = pushed.image(contents, "many", None, (b"amd64",))
    second = pushed.image(contents, "many", None, (b"arm64",))
    top = pushed.index(contents, "many", "1", [first, second])
    signature = pushed.image(contents, "many", None, (b"signature",), subject=top)
    pushed.index(contents, "many", top["digest"].replace(":", "-"), [signature])
    pushed.image(contents, "many", f"{second['digest'].replace(':', '-')}.att", (b"tagged",))
    assert unreached(contents, "many", ["1"]) == ()
    assert unreached(contents, "many", [top["digest"]]) == ()


def test_a_platform_that_two_indexes_share_goes_with_neither(contents: Contents) -> None:
    shared = pushed.image(contents, "shared", None, (b"shared platform",))
    old_only = pushed.image(contents, "shared", None, (b"old platform",))
    old = pushed.index(contents, "shared", "old", [shared, old_only])
    pushed.index(contents, "shared", "new", [shared])
    found = unreached(contents, "shared", ["new"])
    assert [one.digest for one in found] == [old["digest"], old_only["digest"]]


def test_a_root_that_is_not_there_keeps_nothing(contents: Contents) -> None:
    pushed.image(contents, "none", "1", (b"one",))
    assert len(unreached(contents, "none", ["2", "sha256:" + "0" * 64])) == 1
    assert unreached(contents, "absent", ["1"]) == ()


def test_what_is_deleted_is_gone_and_the_rest_is_whole(contents: Contents) -> None:
    kept = pushed.image(contents, "deleted", "1", (b"shared layer", b"kept layer"))
    pushed.image(contents, "deleted", "0", (b"shared layer", b"gone layer"))
    for one in unreached(contents, "deleted", [kept["digest"]]):
        assert contents.delete("deleted", one.digest)
    assert contents.tags("deleted") == ("1",)
    raw = contents.raw("deleted", "1")
    assert raw is not None
    assert all(contents.has_blob("deleted", digest) for digest, _ in raw.blobs)
