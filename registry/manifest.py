"""What a registry says of an image: its configuration and its layers.

https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)


@dataclass(frozen=True)
class Part:
    """A blob of an image; ``size`` is in bytes as it is pulled, compressed for a layer."""

    digest: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """One platform's image, layers lowest first; ``digest`` is of what the reference names, index or manifest."""

    digest: str
    configuration: Part
    layers: tuple[Part, ...]

    @property
    def size(self) -> int:
        """Compressed bytes to pull."""
        return self.configuration.size + sum(layer.size for layer in self.layers)


def manifest_of(document: Mapping[str, Any], digest: str) -> Manifest:
    """The record of a manifest's JSON."""
    return Manifest(digest, _part(document["config"]), tuple(map(_part, document["layers"])))


def _part(descriptor: Mapping[str, Any]) -> Part:
    return Part(descriptor["digest"], int(descriptor["size"]))
