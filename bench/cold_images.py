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
from dataclasses import dataclass
from typing import IO, Any

from registry.contents import Contents, RawManifest
from registry.layer_stream import GZIP, ZSTD
from registry.reference import Reference

SKIPPABLE = 0x184D2A50
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
#: Parts of a blob on the way from the registry and back.
PIECE = 1 << 20


@dataclass(frozen=True)
class ColdImage:
    """``names`` are those by which a node's store knows the image, ``layers`` the digests of its blobs; ``bottom`` is
    the snapshot that all others of the image stand on."""

    reference: str
    names: tuple[str, ...]
    layers: tuple[str, ...]
    bottom: str
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

    def __init__(self, registry: Contents) -> None:
        self._registry = registry

    def copy(self, reference: str, name: str, mark: str) -> ColdImage:
        """``reference`` as ``<owner>/cold:<name>``. Raises RegistryError."""
        source = Reference.parse(reference)
        target = f"{source.repository.partition('/')[0]}/cold"
        found = self._registry.raw(source.repository, source.manifest)
        assert found is not None, reference
        manifest = found.document
        with self._registry.stream(source.repository, manifest["config"]["digest"]) as pieces:
            configuration = json.loads(b"".join(pieces))
        tar, packed = bottom(mark)
        layers = [{"mediaType": LAYER, **self._push(target, packed)}]
        for layer in manifest["layers"]:
            again = self._again(source.repository, target, layer["digest"], mark)
            layers.append({"mediaType": layer["mediaType"], **again})
        config = self._push(target, json.dumps(on_bottom(configuration, tar)).encode())
        document = {**manifest, "config": {**manifest["config"], **config}, "layers": layers}
        raw = RawManifest(json.dumps(document).encode(), found.media_type)
        self._registry.put(target, name, raw)
        repository = f"{self._registry.server}/{target}"
        digests = tuple(str(layer["digest"]) for layer in layers)
        size = int(config["size"]) + sum(int(layer["size"]) for layer in layers)
        names = (f"{repository}:{name}", f"{repository}@{raw.digest}", str(config["digest"]))
        return ColdImage(names[0], names, digests, f"sha256:{hashlib.sha256(tar).hexdigest()}", size)

    def _again(self, source: str, target: str, digest: str, mark: str) -> dict[str, Any]:
        with tempfile.TemporaryFile(prefix="bench-", dir="/var/tmp") as file:
            with self._registry.stream(source, digest) as pieces:
                file.writelines(pieces)
            file.seek(0)
            start = file.read(len(ZSTD))
            file.seek(0, io.SEEK_END)
            file.write(behind(start, mark))
            return self._upload(target, file)

    def _push(self, target: str, content: bytes) -> dict[str, Any]:
        return self._upload(target, io.BytesIO(content))

    def _upload(self, target: str, file: IO[bytes]) -> dict[str, Any]:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"  # type: ignore[arg-type]
        file.seek(0)
        if not self._registry.has_blob(target, digest) and (address := self._registry.begin(target, digest)):
            self._registry.upload(address, target, digest, size, iter(lambda: file.read(PIECE), b""))
        return {"digest": digest, "size": size}
