"""A copy of an image that shares no byte with any other on the node, so that pulling it is cold whatever is there.

Below everything lies a layer with a file of its own, so no snapshot of a node fits; every other layer gets an empty
frame (zstd: RFC 8878 3.1.2) or member (gzip: RFC 1952 2.2), which changes its digest and not what it unpacks to.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import struct
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from local import image_registry
from local.machine import Machine
from registry.layer_stream import GZIP, ZSTD

SKIPPABLE = 0x184D2A50
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
#: Parts of a blob on the way from the registry and back.
PIECE = 1 << 20


@dataclass(frozen=True)
class ColdImage:
    """``names`` are those by which a node's store knows the image, ``layers`` the digests of its blobs."""

    reference: str
    names: tuple[str, ...]
    layers: tuple[str, ...]
    size: int


def behind(start: bytes, mark: str) -> bytes:
    """What to append to a layer that begins like this. Raises ValueError for one that is not packed."""
    if start.startswith(ZSTD):
        return struct.pack("<II", SKIPPABLE, len(mark)) + mark.encode()
    if start.startswith(GZIP):
        member = io.BytesIO()
        gzip.GzipFile(filename=mark, mode="wb", fileobj=member, mtime=0).close()
        return member.getvalue()
    raise ValueError("a layer that is neither gzip nor zstd")


def bottom(mark: str) -> tuple[bytes, bytes]:
    """A layer with one empty file, as tar and packed."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(f".{mark}"))
    return packed.getvalue(), gzip.compress(packed.getvalue(), mtime=0)


def on_bottom(configuration: dict[str, Any], tar: bytes) -> dict[str, Any]:
    """An image's configuration with one layer more, below all."""
    digest = f"sha256:{hashlib.sha256(tar).hexdigest()}"
    root = {**configuration["rootfs"], "diff_ids": [digest, *configuration["rootfs"]["diff_ids"]]}
    history = [{"created_by": "nothing else has this layer"}, *configuration.get("history", ())]
    return {**configuration, "rootfs": root, "history": history}


class Copier:
    """Copies within one registry."""

    def __init__(self, machine: Machine) -> None:
        known = image_registry.credentials(machine)
        self._server = machine.registry
        self._client = httpx.Client(
            base_url=f"http://{machine.registry}/v2/", auth=(known["username"], known["password"]), timeout=120
        )

    def __enter__(self) -> Copier:
        return self

    def __exit__(self, *raised: object) -> None:
        self._client.close()

    def copy(self, reference: str, name: str, mark: str) -> ColdImage:
        """``reference`` as ``<owner>/cold:<name>``. Raises httpx.HTTPError."""
        source, _, tag = reference.removeprefix(f"{self._server}/").rpartition(":")
        target = f"{source.partition('/')[0]}/cold"
        manifest = self._get(f"{source}/manifests/{tag}", Accept=MANIFEST).json()
        configuration = self._get(f"{source}/blobs/{manifest['config']['digest']}").json()
        tar, packed = bottom(mark)
        layers = [{"mediaType": LAYER, **self._push(target, packed)}]
        for layer in manifest["layers"]:
            layers.append({"mediaType": layer["mediaType"], **self._again(source, target, layer["digest"], mark)})
        config = json.dumps(on_bottom(configuration, tar)).encode()
        document = {**manifest, "config": {**manifest["config"], **self._push(target, config)}, "layers": layers}
        body = json.dumps(document).encode()
        answer = self._client.put(f"{target}/manifests/{name}", content=body, headers={"Content-Type": MANIFEST})
        answer.raise_for_status()
        repository = f"{self._server}/{target}"
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        names = (f"{repository}:{name}", f"{repository}@{digest}", str(document["config"]["digest"]))
        return ColdImage(
            names[0], names, tuple(str(one["digest"]) for one in layers), sum(int(one["size"]) for one in layers)
        )

    def _get(self, path: str, **headers: str) -> httpx.Response:
        return self._client.get(path, headers=headers).raise_for_status()

    def _again(self, source: str, target: str, digest: str, mark: str) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(prefix="bench-", dir="/var/tmp") as folder:
            path = Path(folder) / "layer"
            with path.open("w+b") as file:
                with self._client.stream("GET", f"{source}/blobs/{digest}") as response:
                    response.raise_for_status()
                    for piece in response.iter_raw(PIECE):
                        file.write(piece)
                file.seek(0)
                start = file.read(4)
                file.seek(0, io.SEEK_END)
                file.write(behind(start, mark))
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            return self._upload(target, f"sha256:{found}", path)

    def _push(self, target: str, content: bytes) -> dict[str, Any]:
        with tempfile.NamedTemporaryFile(prefix="bench-", dir="/var/tmp") as file:
            file.write(content)
            file.flush()
            return self._upload(target, f"sha256:{hashlib.sha256(content).hexdigest()}", Path(file.name))

    def _upload(self, target: str, digest: str, path: Path) -> dict[str, Any]:
        """https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#post-then-put"""
        size = path.stat().st_size
        if self._client.head(f"{target}/blobs/{digest}").is_success:
            return {"digest": digest, "size": size}
        began = self._client.post(f"{target}/blobs/uploads/").raise_for_status()
        place = httpx.URL(began.headers["Location"]).copy_merge_params({"digest": digest})
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        self._client.put(place, content=_pieces(path), headers=headers).raise_for_status()
        return {"digest": digest, "size": size}


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece
