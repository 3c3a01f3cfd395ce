"""The one image with every dependency of all DAG types, made from the types' own folders.

It stands on the worker base, since Airflow is a dependency too; the rest of ``fat/Dockerfile`` is what the types'
Dockerfiles do, with their own files.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.fat_pins import FatLock, fat_lock
from pipelines.image_folder import ImageFolder, image_folders, read_folder
from pipelines.image_inventory import nearest
from pipelines.image_lock import LOCK

RECIPE = Path(__file__).resolve().parent / "fat" / "Dockerfile"
WORKER_BASE = "bases/worker"
#: Argument of a type's Dockerfile that names Debian packages -> the file that the recipe binds.
PACKAGES = {"JDK": "jdk", "MAVEN": "maven", "C_COMPILER": "compiler"}
#: Types whose files the recipe takes.
CONTEXTS = ("ml", "spark", "tools")
ARGUMENT = re.compile(r'^ARG (\w+)="?([^"\n]+?)"?$', re.MULTILINE)
LINKED = re.compile(r"^RUN link-java (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class FatContext:
    """``arguments`` and named ``contexts`` of the build of ``folder``."""

    folder: Path
    arguments: Mapping[str, str]
    contexts: Mapping[str, Path]
    lock: FatLock


def folders_of(images: Path) -> tuple[ImageFolder, ...]:
    """Every image folder; those with problems are told of by every command."""
    found = [read_folder(images, name, name)[0] for name in image_folders(images)]
    return tuple(folder for folder in found if folder)


def write_context(images: Path, target: Path) -> FatContext:
    """Resolve the lock, and write what the recipe reads."""
    folders = folders_of(images)
    worker = next(folder for folder in folders if folder.name == WORKER_BASE)
    inventory, _ = nearest((worker,))
    assert inventory is not None, "the worker base has an inventory"
    lock = fat_lock(folders, inventory.versions, worker.project.requires_python.removeprefix("==").removesuffix(".*"))
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(RECIPE, target / "Dockerfile")
    (target / LOCK).write_text(lock.lock)
    dockerfiles = [(folder.folder / "Dockerfile").read_text() for folder in folders]
    for name, words in system_packages(folders, dockerfiles).items():
        (target / name).write_text(f"{' '.join(words)}\n")
    arguments = {"JAVA_MODULES": ",".join(java_modules(dockerfiles))}
    return FatContext(target, arguments, {name: images / name for name in CONTEXTS}, lock)


def system_packages(folders: Sequence[ImageFolder], dockerfiles: Iterable[str]) -> dict[str, list[str]]:
    """File of the recipe's context -> Debian packages of all types. Raises ValueError where two pins differ."""
    found: dict[str, set[str]] = {name: set() for name in PACKAGES.values()}
    for text in dockerfiles:
        for name, value in ARGUMENT.findall(text):
            if name in PACKAGES:
                found[PACKAGES[name]] |= {*value.split()}
    found["system-packages"] = {package for folder in folders for package in folder.table.system_packages}
    for words in found.values():
        names = [word.partition("=")[0] for word in words]
        if len({*names}) != len(names):
            raise ValueError(f"two pins of one system package: {', '.join(sorted(words))}")
    return {name: sorted(words) for name, words in found.items()}


def java_modules(dockerfiles: Iterable[str]) -> list[str]:
    """The modules of every Java that the types link."""
    return sorted({module for text in dockerfiles for linked in LINKED.findall(text) for module in linked.split(",")})
