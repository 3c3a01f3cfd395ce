"""Reads an OCI image layout: the folder in which builds leave images without pushing them.

https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from registry.layer_stream import unpacked

INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
#: How containerd learns the name of an image that it imports.
NAME = "io.containerd.image.name"


@dataclass(frozen=True)
class LayoutImage:
    """One platform's image: digest of its manifest, its configuration, and the digests of its layers, lowest first."""

    digest: str
    manifest: Mapping[str, Any]
    configuration: Mapping[str, Any]
    layers: tuple[str, ...]

    @property
    def run(self) -> Mapping[str, Any]:
        """User, Entrypoint, Env and the like."""
        return cast(Mapping[str, Any], self.configuration.get("config") or {})

    @property
    def size(self) -> int:
        """Compressed bytes to pull."""
        return sum(int(part["size"]) for part in (self.manifest["config"], *self.manifest["layers"]))


@dataclass(frozen=True)
class Layout:
    """``folder`` holds ``index.json`` and ``blobs/``."""

    folder: Path

    def image(self, digest: str, platform: str = "linux/amd64") -> LayoutImage:
        """The image behind a digest, of the platform where it names several. Raises KeyError when it has none such."""
        document = self._json(digest)
        if document.get("mediaType") in INDEXES:
            wanted = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))
            for one in document["manifests"]:
                if wanted.items() <= one.get("platform", {}).items():
                    return self.image(one["digest"], platform)
            raise KeyError(platform)
        layers = tuple(layer["digest"] for layer in document["layers"])
        return LayoutImage(digest, document, self._json(document["config"]["digest"]), layers)

    def blob(self, digest: str) -> Path:
        return self.folder / "blobs" / digest.replace(":", "/")

    @contextmanager
    def layer(self, digest: str) -> Iterator[tarfile.TarFile]:
        """A layer's files, read from its beginning to its end."""
        with self.blob(digest).open("rb") as file, tarfile.open(fileobj=unpacked(file), mode="r|") as archive:
            yield archive

    def write_archive(self, image: LayoutImage, name: str, to: IO[bytes]) -> None:
        """One image as a tar that ``ctr images import`` and ``docker load`` take; its name there is ``name``."""
        descriptor = {
            "mediaType": image.manifest.get("mediaType", "application/vnd.oci.image.manifest.v1+json"),
            "digest": image.digest,
            "size": self.blob(image.digest).stat().st_size,
            "annotations": {NAME: name, "org.opencontainers.image.ref.name": name.rpartition(":")[2]},
        }
        index = json.dumps({"schemaVersion": 2, "manifests": [descriptor]}).encode()
        config = image.manifest["config"]["digest"]
        docker = [{"Config": _path(config), "RepoTags": [name], "Layers": [_path(layer) for layer in image.layers]}]
        with tarfile.open(fileobj=to, mode="w|") as archive:
            _add(archive, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
            _add(archive, "index.json", index)
            _add(archive, "manifest.json", json.dumps(docker).encode())
            for digest in dict.fromkeys((image.digest, config, *image.layers)):
                path = self.blob(digest)
                entry = tarfile.TarInfo(_path(digest))
                entry.size = path.stat().st_size
                with path.open("rb") as file:
                    archive.addfile(entry, file)

    def _json(self, digest: str) -> dict[str, Any]:
        return cast(dict[str, Any], json.loads(self.blob(digest).read_bytes()))


def _path(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))
