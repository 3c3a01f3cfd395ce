"""Every image of the repository and the fat one, on the registry of the running platform, under their own owner."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.fat_image import WORKER_BASE, FatContext, write_context
from bench.program import PROJECT
from commands.stack_files import settings_of
from infra import sources
from infra.sources import Sources
from local import image_build, image_registry
from local.machine import Machine
from local.progress import Progress
from pipelines.build_plan import build_arguments
from pipelines.images import EVERY_BUILD, EXPORT, IMAGES, Image
from registry.client import Credentials
from registry.contents import Contents
from registry.manifest import Manifest

OWNER = "bench"
FAT = "fat"


@dataclass(frozen=True)
class Pushed:
    """``manifests`` and ``references`` by name of an image; ``FAT`` among them."""

    sources: Sources
    references: Mapping[str, str]
    manifests: Mapping[str, Manifest]
    fat: FatContext


@contextmanager
def registry_of(machine: Machine) -> Iterator[Contents]:
    known = image_registry.credentials(machine)
    with Contents(machine.registry, Credentials(known["username"], known["password"])) as registry:
        yield registry


def push_all(machine: Machine, progress: Progress) -> Pushed:
    """Builds and pushes what the registry does not hold; the fat image always, mostly from BuildKit's cache."""
    os.chdir(PROJECT)
    settings = settings_of("dev")
    elsewhere = settings.registry.model_copy(update={"server": machine.registry, "owner": OWNER})
    found = sources.load(settings.model_copy(update={"registry": elsewhere}))
    references = {image.name: image.reference for image in found.images}
    with registry_of(machine) as registry:
        for image in found.images:
            if not registry.exists(image.reference):
                with progress.step(f"build {image.name}"):
                    image_build.build(inputs(image, references), machine, progress.doing)
        worker = references[WORKER_BASE]
        references[FAT] = f"{worker.rpartition('/')[0]}/{settings.registry.prefix}-{FAT}:bench"
        with progress.step("resolve the fat image"):
            fat = write_context(IMAGES, Path("build/bench/fat"))
        with progress.step("build the fat image"):
            image_build.build(fat_inputs(fat, references[FAT], worker), machine, progress.doing)
        manifests = {name: manifest for name, one in references.items() if (manifest := registry.manifest(one))}
    return Pushed(found, references, manifests, fat)


def inputs(image: Image, references: Mapping[str, str]) -> dict[str, object]:
    """As the stack builds it, but for the alias."""
    return {
        "tags": [image.reference],
        "context": _context(image.context, image.contexts),
        "buildArgs": build_arguments(image, references),
        "platforms": list(image.platforms),
        "exports": [{"raw": EXPORT}],
    }


def fat_inputs(fat: FatContext, reference: str, base: str) -> dict[str, object]:
    return {
        "tags": [reference],
        "context": _context(fat.folder, fat.contexts),
        "buildArgs": {**fat.arguments, "BASE_IMAGE": base, **EVERY_BUILD},
        "platforms": ["linux/amd64"],
        "exports": [{"raw": EXPORT}],
    }


def _context(folder: Path, named: Mapping[str, Path]) -> dict[str, object]:
    return {"location": str(folder), "named": {name: {"location": str(path)} for name, path in named.items()}}
