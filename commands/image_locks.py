"""Resolving ``requirements.lock`` of image folders."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from uv import find_uv_bin

from commands.failure import told
from commands.stack_files import StackOption, settings_of
from local import layout_build
from local.files import write
from local.layer_contents import contents, installed
from local.layout_build import LAYOUT
from local.machine import Machine
from local.oci_layout import Layout
from local.progress import Progress
from pipelines.errors import InputError, Problem
from pipelines.image_checks import AIRFLOW_IMAGE
from pipelines.image_folder import (
    BASES,
    PROJECT,
    ImageFolder,
    image_folders,
    read_folder,
    requirements_of,
    unknown_problems,
)
from pipelines.image_inventory import INVENTORY, Inventory, inventory_text, lines, nearest, refresh_command
from pipelines.image_lock import LOCK, parse_lock
from pipelines.images import IMAGES
from pipelines.lock_header import with_header

# The images are glibc images; wheels older than this need nothing newer.
WHEELS_FOR = {"linux/amd64": "x86_64-manylinux_2_28", "linux/arm64": "aarch64-manylinux_2_28"}


@dataclass(frozen=True)
class Wanted:
    """A folder to lock, and what it stands on, from itself down; empty problems of other files stay told elsewhere."""

    folder: ImageFolder
    chain: tuple[ImageFolder, ...]

    @property
    def path(self) -> Path:
        return self.folder.folder / LOCK


def lock_images(
    types: Annotated[
        list[str] | None,
        typer.Argument(help="Such as cost-of-living, or bases/task; every folder with pins where none is named."),
    ] = None,
    inventory: Annotated[
        bool, typer.Option("--inventory", help="Write inventory.txt instead: ask the upstream image what it ships.")
    ] = False,
    stack: StackOption = "dev",
) -> None:
    """Resolve requirements.lock from the exact pins in pyproject.toml, with hashes.

    Wheels only, but for packages that source-distributions names. Versions that the bases and the present lock hold
    stay as far as they fit. A worker image resolves under what Airflow's image ships, as inventory.txt of its base
    lists it: nothing of that is replaced, and nothing of it is in the lock. All or none is written.

    The header holds hashes of the requirements and of the body: a lock that is stale, for another Python, or edited by
    hand is refused by every command, with its line, and without a network.

        python -m commands images lock                 all of them
        python -m commands images lock cost-of-living  one

    After a change of Airflow's version, then lock again:

        python -m commands images lock --inventory bases/worker
    """
    with told():
        if inventory:
            digests = settings_of(stack).images.base_digests
            written = write_inventories(IMAGES, types or (), digests, Progress())
        else:
            written = lock(IMAGES, types or with_packages(IMAGES), lambda text: typer.echo(text, err=True))
        for path in written:
            typer.echo(path.as_posix())


def with_packages(images: Path) -> list[str]:
    """The names of all folders below ``images/`` that pin Python packages, bases first."""
    names = [name for name in image_folders(images) if (found := _read(images, name)) and found.project.dependencies]
    return sorted(names, key=lambda name: (not name.startswith(f"{BASES}/"), name))


def lock(images: Path, names: Iterable[str], doing: Callable[[str], None] = lambda text: None) -> list[Path]:
    """Resolves each folder's pins with hashes, keeping the versions that its present lock has as far as they fit.

    Nothing is written unless all resolve; returns the paths of the locks. Raises InputError with every problem: a name
    that is no image's, a folder that cannot be read, pins that do not resolve, a worker image without an inventory of
    what it stands on.
    """
    chosen = dict.fromkeys(names)
    if unknown := unknown_problems(chosen, [*image_folders(images)]):
        raise InputError(unknown)
    wanted, problems = [], []
    for name in chosen:
        found, told = _wanted(images, name)
        wanted += [found] if found else []
        problems += told
    resolved: list[tuple[Path, str]] = []
    for one in wanted if not problems else ():
        doing(f"resolving {one.folder.shown_as}")
        try:
            resolved.append((one.path, _locked(one)))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    for path, text in resolved:
        write(path, text)
    return [path for path, _ in resolved]


def _read(images: Path, name: str) -> ImageFolder | None:
    return read_folder(images, name, f"{images.name}/{name}")[0]


def _wanted(images: Path, name: str) -> tuple[Wanted | None, list[Problem]]:
    shown_as = f"{images.name}/{name}"
    folder, problems = read_folder(images, name, shown_as)
    # What is wrong with the present lock is what this mends.
    told = [problem for problem in problems if not problem.file.startswith(f"{shown_as}/{LOCK}")]
    if folder is None or told:
        return None, told
    if not folder.project.dependencies:
        expected = "exact pins of the packages to lock"
        return None, [
            Problem(folder.file, "project.dependencies", "none", expected, "add them, or lock another folder")
        ]
    chain = [folder]
    while (base := chain[-1].table.base) and (below := _read(images, base)) and below not in chain:
        chain.append(below)
    return Wanted(folder, tuple(chain)), []


def _locked(wanted: Wanted) -> str:
    folder = wanted.folder
    inventory, problems = nearest(wanted.chain) if folder.table.profile != "task" else (None, [])
    if folder.table.profile == "worker" and inventory is None and not problems:
        below = wanted.chain[-1]
        found, expected = "no such file", f"the packages that {below.table.upstream} ships"
        problems = [Problem(f"{below.shown_as}/{INVENTORY}", "", found, expected, refresh_command(below.name))]
    if inventory:
        problems = [*problems, *_shipped_already(folder, inventory)]
    if problems:
        raise InputError(problems)
    body = ""
    for platform in folder.table.platforms:
        preferred = body or _preferred(wanted)
        resolved = _resolve(folder, platform, preferred, inventory)
        if body and _versions(resolved) != _versions(body):
            raise InputError([_apart(folder, body, resolved, platform)])
        body = resolved
    locked = {name for name, _ in _versions(body)}
    # pip reads the exceptions from the lock itself.
    sources = [f"--no-binary {name}\n" for name in folder.table.source_distributions if name in locked]
    body = "".join((*sources, body))
    return with_header(requirements_of(folder.project, folder.table), body, inventory.sha256 if inventory else "")


def _shipped_already(folder: ImageFolder, inventory: Inventory) -> list[Problem]:
    return [
        Problem(
            folder.file,
            f"project.dependencies.{position}",
            dependency,
            f"no pin of what the base ships: {name}=={inventory.versions[name]} is there",
            "remove the pin, or take another version of Airflow",
        )
        for position, dependency in enumerate(folder.project.dependencies)
        if (name := canonicalize_name(Requirement(dependency).name)) in inventory.versions
    ]


def _preferred(wanted: Wanted) -> str:
    """Versions to keep: first those of the bases, whose layers are there already, then those of the present lock."""
    texts = [one.folder / LOCK for one in (*wanted.chain[1:], wanted.folder)]
    versions: dict[str, str] = {}
    for path in texts:
        for package in parse_lock(path.read_text()).packages if path.is_file() else ():
            versions.setdefault(package.name, package.version)
    return "\n".join(line for line in lines(versions) if not line.endswith("=="))


def _resolve(folder: ImageFolder, platform: str, preferred: str, inventory: Inventory | None) -> str:
    with TemporaryDirectory() as scratch:
        output, shipped = Path(scratch) / LOCK, Path(scratch) / INVENTORY
        # The resolver keeps the versions of the file that it writes, as far as they still fit.
        output.write_text(f"{preferred}\n")
        command = [
            *(find_uv_bin(), "pip", "compile", str(folder.folder / PROJECT)),
            *("--quiet", "--no-header", "--generate-hashes"),
            *("--only-binary", ":all:", "--python-version", _python(folder)),
            *("--python-platform", WHEELS_FOR.get(platform, "linux"), "--output-file", str(output)),
        ]
        for name in folder.table.source_distributions:
            command += ["--no-binary", name]
        if not folder.table.source_distributions:
            # Nothing is run to read a wheel: no need to look for a Python of that version.
            command += ["--python", sys.executable]
        if inventory:
            shipped.write_text("\n".join(lines(inventory.versions)))
            command += ["--constraint", str(shipped)]
            for name in inventory.versions:
                command += ["--no-emit-package", name]
        result = subprocess.run(
            command,
            # Below our own cache, which `make purge` removes.
            env={**os.environ, "UV_CACHE_DIR": str(Machine.here().cache / "uv")},
            text=True,
            capture_output=True,
            check=False,
        )
        if result.returncode == 0:
            return output.read_text()
    raise InputError([_unresolved(folder, platform, " ".join(result.stderr.split()))])


def _unresolved(folder: ImageFolder, platform: str, found: str) -> Problem:
    key = "project.dependencies"
    if "no wheels with a matching" in found or "no usable wheels" in found:
        expected = f"packages that each have a wheel for Python {_python(folder)} on {platform}"
        fix = "pin a version that has one, or name the package in source-distributions"
        return Problem(folder.file, key, found, expected, fix)
    if "error sending request" in found.lower() or "failed to fetch" in found.lower():
        return Problem(folder.file, key, found, "an answer of the package index", "look at the network, or try again")
    return Problem(folder.file, key, found, "pins that resolve together", "change the pins that the resolver names")


def _apart(folder: ImageFolder, one: str, other: str, platform: str) -> Problem:
    differ = sorted(_versions(one) ^ _versions(other))
    found = ", ".join(f"{name}=={version}" for name, version in differ)
    expected = f"the same packages on {platform} as on {folder.table.platforms[0]}"
    return Problem(folder.file, "tool.dag-image.platforms", found, expected, "make two folders, or pin what both have")


def _versions(text: str) -> set[tuple[str, str]]:
    return {(package.name, package.version) for package in parse_lock(text).packages}


def _python(folder: ImageFolder) -> str:
    digits = folder.project.requires_python.removeprefix("==").removesuffix(".*")
    if digits.count(".") == 1 and digits.replace(".", "").isdigit():
        return digits
    expected = 'one minor version, such as "==3.13.*"'
    raise InputError([Problem(folder.file, "project.requires-python", digits, expected, f"correct {PROJECT}")])


def write_inventories(
    images: Path, names: Iterable[str], base_digests: Mapping[str, str], progress: Progress
) -> list[Path]:
    """Asks the upstream image of each folder what it ships, and writes that down; returns the paths.

    Without names: of every folder that stands on Airflow's image itself. Raises InputError for folders that stand on
    none, GaveUp when the image cannot be had.
    """
    machine, layout = Machine.here(), Layout(LAYOUT)
    chosen = [*names] or [name for name in image_folders(images) if _stands_on_airflow(_read(images, name))]
    folders, problems = [], []
    for name in chosen:
        folder = _read(images, name)
        if _stands_on_airflow(folder):
            folders.append(folder)
        else:
            expected = "a folder whose upstream is apache/airflow:<version>-python<version>"
            problems.append(Problem(f"{images.name}/{name}", "", "another folder", expected, "name the worker base"))
    if problems:
        raise InputError(problems)
    builder, written = layout_build.choose(machine), []
    for folder in folders:
        assert folder is not None and folder.table.upstream  # noqa: S101, PT018 - for the type checker
        upstream = folder.table.upstream
        pinned = f"{upstream}@{base_digests[upstream]}" if upstream in base_digests else upstream
        with progress.step(f"read {pinned}"):
            image = layout_build.upstream(pinned, folder.table.platforms, builder, machine, layout, progress.doing)
            found = installed([contents(layout, layer, {}) for layer in image.layers])
        path = folder.folder / INVENTORY
        write(path, inventory_text(upstream, found))
        written.append(path)
    return written


def _stands_on_airflow(folder: ImageFolder | None) -> bool:
    return bool(folder and AIRFLOW_IMAGE.match(folder.table.upstream or ""))
