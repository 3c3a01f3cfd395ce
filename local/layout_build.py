"""Builds images into an OCI layout, without a registry of its own to push to: by buildctl, or by docker buildx.

The blobs and so the digest are those that a stack pushes: the same folder, arguments and export.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from local import build_log, probes
from local.machine import Machine
from local.oci_layout import Layout, LayoutImage
from local.waiting import GaveUp
from pipelines.build_plan import build_arguments
from pipelines.images import EVERY_BUILD, EXPORT, Image

LAYOUT = Path("build/layout")
CACHE = Path("build/cache")
UPSTREAM = Path("build/upstream")
PUSHED = "type=image,push=true,"
Builder = Literal["buildctl", "buildx"]


@dataclass(frozen=True)
class Request:
    """One build. ``base`` is the reference that the Dockerfile names and its digest in the layout."""

    name: str
    reference: str
    context: Path
    arguments: Mapping[str, str]
    platforms: tuple[str, ...]
    contexts: Mapping[str, Path]
    base: tuple[str, str] | None = None


@dataclass(frozen=True)
class Built:
    """``seconds`` since the epoch of start and end; ``digest`` is of the manifest, or of the index of several."""

    request: Request
    digest: str
    began: float
    ended: float


class BuildFailedError(GaveUp):
    """``str()`` names the image, the failing step and its last lines."""


def choose(machine: Machine) -> Builder:
    """The platform's own BuildKit where it runs, else Docker's. Raises GaveUp where there is neither."""
    if probes.socket_answers(Path(machine.buildkit_address.removeprefix("unix://"))) is None:
        if machine.tool("buildctl").exists():
            return "buildctl"
        raise GaveUp("BuildKit runs, but of another toolchain than this clone's, which is not compiled yet: make up")
    if shutil.which("docker") and _succeeds("docker", "buildx", "version"):
        return "buildx"
    raise GaveUp("no builder: neither the platform's BuildKit runs (make up) nor is there docker buildx")


def request_of(image: Image, references: Mapping[str, str], digests: Mapping[str, str]) -> Request:
    """``references`` and ``digests`` by image; the base must have been built into the layout."""
    base = (references[image.base], digests[image.base]) if image.base else None
    arguments = build_arguments(image, references)
    return Request(image.name, image.reference, image.context, arguments, image.platforms, image.contexts, base)


def upstream(
    reference: str,
    platforms: tuple[str, ...],
    builder: Builder,
    machine: Machine,
    layout: Layout,
    say: Callable[[str], None],
) -> LayoutImage:
    """The upstream image of the first platform, by a build that is nothing else, so that its layers and packages can be
    told from ours. Raises BuildFailedError."""
    UPSTREAM.mkdir(parents=True, exist_ok=True)
    (UPSTREAM / "Dockerfile").write_text("ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\n")
    arguments = {"BASE_IMAGE": reference, **EVERY_BUILD}
    request = Request(reference, f"upstream/{reference.partition('@')[0]}", UPSTREAM, arguments, platforms, {})
    return layout.image(build(request, builder, machine, layout, say, False).digest, platforms[0])


def build(
    request: Request, builder: Builder, machine: Machine, layout: Layout, say: Callable[[str], None], cached: bool
) -> Built:
    """Build into the layout. With ``cached`` layers come from and go to ``build/cache``, for machines that keep none.

    Raises BuildFailedError.
    """
    layout.folder.mkdir(parents=True, exist_ok=True)
    began = time.time()
    with TemporaryDirectory() as scratch:
        metadata = Path(scratch) / "metadata.json"
        command = [*COMMANDS[builder](request, machine, layout, metadata), *_cache(builder, request, cached)]
        environment = machine.environment() if builder == "buildctl" else {}
        if failure := build_log.run(command, environment, say):
            raise BuildFailedError(f"the build of {request.name} failed:\n{failure}")
        digest = json.loads(metadata.read_text())["containerimage.digest"]
    return Built(request, digest, began, time.time())


def buildctl(request: Request, machine: Machine, layout: Layout, metadata: Path) -> Iterator[str]:
    """The command that the platform's BuildKit takes."""
    yield from (str(machine.tool("buildctl")), "--addr", machine.buildkit_address, "build")
    yield from ("--progress", "plain", "--frontend", "dockerfile.v0", "--metadata-file", str(metadata))
    yield from ("--local", f"context={request.context}", "--local", f"dockerfile={request.context}")
    for name, path in sorted(request.contexts.items()):
        yield from ("--local", f"{name}={path}", "--opt", f"context:{name}=local:{name}")
    if request.base:
        reference, digest = request.base
        yield from ("--oci-layout", f"base={layout.folder.absolute()}")
        yield from ("--opt", f"context:{reference}=oci-layout://base@{digest}")
    for name, value in sorted(request.arguments.items()):
        yield from ("--opt", f"build-arg:{name}={value}")
    yield from ("--opt", f"platform={','.join(request.platforms)}", "--output", _output(request, layout))


def buildx(request: Request, machine: Machine, layout: Layout, metadata: Path) -> Iterator[str]:
    """The command that Docker's client takes; the docker-container driver builds what the docker driver cannot."""
    del machine
    yield from ("docker", "buildx", "build", "--progress", "plain", "--provenance=false", "--sbom=false")
    yield from ("--metadata-file", str(metadata), "--platform", ",".join(request.platforms))
    for name, path in sorted(request.contexts.items()):
        yield from ("--build-context", f"{name}={path}")
    if request.base:
        reference, digest = request.base
        # Some releases of buildx do not take a digest without a tag.
        tag = reference.rpartition(":")[2]
        yield from ("--build-context", f"{reference}=oci-layout://{layout.folder.absolute()}:{tag}@{digest}")
    for name, value in sorted(request.arguments.items()):
        yield from ("--build-arg", f"{name}={value}")
    yield from ("--output", _output(request, layout), str(request.context))


COMMANDS: Mapping[Builder, Callable[[Request, Machine, Layout, Path], Iterable[str]]] = {
    "buildctl": buildctl,
    "buildx": buildx,
}
#: Builder -> options to import and to export a layer cache.
CACHE_OPTIONS: Mapping[Builder, tuple[str, str]] = {
    "buildctl": ("--import-cache", "--export-cache"),
    "buildx": ("--cache-from", "--cache-to"),
}


def _output(request: Request, layout: Layout) -> str:
    packing = EXPORT.removeprefix(PUSHED)
    return f'type=oci,tar=false,"dest={layout.folder.absolute()}","name={request.reference}",{packing}'


def _cache(builder: Builder, request: Request, cached: bool) -> Sequence[str]:
    if not cached:
        return ()
    folder = (CACHE / request.name.replace("/", "-")).absolute()
    come, go = CACHE_OPTIONS[builder]
    source = (come, f"type=local,src={folder}") if (folder / "index.json").is_file() else ()
    return (*source, go, f"type=local,dest={folder},mode=max,compression=gzip")


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
