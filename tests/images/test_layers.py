"""What no layer of an image may hold: what was needed only to build it, and what a lower layer holds already."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections.abc import Iterator

import pytest

from local import registry_log_in
from local.image_registry import mirrored
from local.machine import Machine
from pipelines.images import Image
from registry.client import Registry
from registry.layer_stream import unpacked
from registry.reference import Reference
from tests.conftest import Deployed

LEFT = re.compile(
    r"""^(
    (.*/)?(uv|uvx)$                          # the resolver
    | (.*/)?\.cache/(pip|uv)/.+
    | var/cache/apt/.*\.(bin|deb)$ | var/lib/apt/lists/.+ | var/log/.+
    | (tmp|run)/.+
    )""",
    re.VERBOSE,
)


class Pieces(io.RawIOBase):
    """A stream of bytes that come in pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        taken, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


def files(registry: Registry, repository: str, layer: str) -> dict[str, str]:
    """Path -> hash of every file of a layer that holds something."""
    found = {}
    with registry.stream(repository, layer) as pieces, tarfile.open(fileobj=unpacked(Pieces(pieces)), mode="r|") as tar:
        for member in tar:
            if member.isreg() and member.size and (reader := tar.extractfile(member)):
                found[member.name.removeprefix("./")] = hashlib.file_digest(reader, "sha256").hexdigest()
    return found


def layers_of(machine: Machine, reference: str) -> tuple[str, ...]:
    server = reference.partition("/")[0]
    with Registry(server, registry_log_in.of_machine(machine, server).credentials()) as registry:
        manifest = registry.manifest(reference)
    assert manifest is not None, reference
    return tuple(layer.digest for layer in manifest.layers)


def upstream_layers(machine: Machine, image: Image, images: dict[str, Image]) -> tuple[str, ...]:
    while image.base:
        image = images[image.base]
    return layers_of(machine, mirrored(machine, image.upstream or ""))


@pytest.mark.platform
@pytest.mark.parametrize("name", ["bases/task", "bases/worker", "cost-of-living", "lakehouse"])
def test_nothing_is_left_in_a_layer(name: str, deployed: Deployed) -> None:
    machine, images = deployed.machine, {image.name: image for image in deployed.sources.images}
    image = images[name]
    below = set(upstream_layers(machine, image, images))
    repository = Reference.parse(image.reference).repository
    seen: dict[str, str] = {}
    with Registry(machine.registry, registry_log_in.of_machine(machine, machine.registry).credentials()) as registry:
        for layer in layers_of(machine, image.reference):
            if layer in below:
                continue
            found = files(registry, repository, layer)
            assert not [path for path in found if LEFT.match(path)]
            # A change of owner or mode alone copies a file into another layer.
            assert not [path for path, digest in found.items() if seen.get(path) == digest]
            seen |= found
    assert seen


@pytest.mark.parametrize(
    "path", ["usr/local/bin/uv", "root/.cache/pip/http/a", "var/lib/apt/lists/deb_x", "run/requirements.lock", "tmp/x"]
)
def test_what_is_left_is_known_by_its_path(path: str) -> None:
    assert LEFT.match(path)
    assert not LEFT.match("usr/local/lib/python3.13/site-packages/uvloop/__init__.py")
    assert not LEFT.match("usr/lib/apt/methods/http")
