"""Copies of images that share nothing with others."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile

import httpx
import pytest
import zstandard

from bench.cold_images import Copier, behind, bottom, on_bottom
from registry.contents import Contents
from registry.layer_stream import unpacked


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress], ids=["gzip", "zstd"])
def test_what_is_appended_changes_no_unpacked_byte(pack: object) -> None:
    content = b"layer" * 1000
    packed = pack(content)  # type: ignore[operator]
    copies = {packed + behind(packed, mark) for mark in ("one", "two")}
    assert len({packed, *copies}) == 3
    assert {unpacked(io.BytesIO(copy)).read() for copy in copies} == {content}


def test_a_layer_that_is_not_packed_is_refused() -> None:
    with pytest.raises(ValueError, match="neither"):
        behind(b"plain tar", "mark")


def test_the_bottom_layer_holds_one_file_of_its_own() -> None:
    tar, packed = bottom("mark")
    assert gzip.decompress(packed) == tar
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        assert archive.getnames() == [".mark"]
    changed = on_bottom({"rootfs": {"type": "layers", "diff_ids": ["sha256:1"]}, "history": [{}]}, tar)
    assert changed["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(tar).hexdigest()}", "sha256:1"]
    assert len(changed["history"]) == 2


def test_a_copy_has_no_blob_of_the_original() -> None:
    blobs: dict[str, bytes] = {}
    manifests: dict[str, bytes] = {}

    def keep(content: bytes) -> dict[str, object]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        blobs[digest] = content
        return {"digest": digest, "size": len(content)}

    def serve(request: httpx.Request) -> httpx.Response:
        path = request.url.path.rpartition("/")
        if "/uploads/" in request.url.path:
            if request.method == "POST":
                return httpx.Response(202, headers={"Location": "/v2/o/cold/blobs/uploads/1"})
            keep(request.read())
            return httpx.Response(201)
        if "/blobs/" in request.url.path:
            return httpx.Response(200, content=blobs[path[2]]) if path[2] in blobs else httpx.Response(404)
        if request.method == "PUT":
            manifests[path[2]] = request.read()
            return httpx.Response(201)
        return httpx.Response(200, content=manifests[path[2]], headers={"Content-Type": "application/json"})

    layer = {"mediaType": "gzip", **keep(gzip.compress(b"layer"))}
    configuration = keep(json.dumps({"rootfs": {"type": "layers", "diff_ids": ["sha256:1"]}}).encode())
    manifests["1"] = json.dumps({"config": configuration, "layers": [layer]}).encode()
    before = {*blobs}
    with Contents("localhost:1", transport=httpx.MockTransport(serve)) as registry:
        image = Copier(registry).copy("localhost:1/o/type:1", "name", "mark")
    document = json.loads(manifests["name"])
    assert image.reference == "localhost:1/o/cold:name"
    assert [one["digest"] for one in document["layers"]] == list(image.layers)
    assert not before & {document["config"]["digest"], *image.layers}
    assert gzip.decompress(blobs[image.layers[1]]) == b"layer"
    assert len(json.loads(blobs[document["config"]["digest"]])["rootfs"]["diff_ids"]) == len(image.layers)
