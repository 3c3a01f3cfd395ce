"""All of ``images/`` as records, each with its content key and the reference that follows from it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.content_key import Entry, Recipe, content_key, tag
from pipelines.errors import InputError
from pipelines.image_checks import image_problems
from pipelines.image_folder import BASES, ImageFolder, image_folders, read_folder
from pipelines.image_staging import Member, hashed, members, stage
from pipelines.image_table import Profile

IMAGES = Path("images")
CONTEXTS = Path("build/contexts")
# 1980-01-01, the oldest time that zip files, and so wheels, can hold.
SOURCE_DATE_EPOCH = 315532800
# Files keep no time of their own, and layers are always packed anew the same way: equal content, equal digest.
# docs/decisions/0008-zstd-layers.md says why zstd.
EXPORT = (
    "type=image,push=true,oci-mediatypes=true,compression=zstd,compression-level=3,"
    "force-compression=false,rewrite-timestamp=true"
)
#: Build arguments of every image.
EVERY_BUILD = {"SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH)}


@dataclass(frozen=True)
class Repository:
    """Where the images of a stack live: ``ghcr.io``, ``acme``, ``de-airflow-pipeline``."""

    server: str
    owner: str
    prefix: str

    def reference(self, name: str, tag: str) -> str:
        """The reference of an image: ``bases/task`` is pushed as ``<prefix>-bases-task``."""
        return f"{self.server}/{self.owner}/{self.prefix}-{name.replace('/', '-')}:{tag}"


@dataclass(frozen=True)
class AirflowVersion:
    """What the release runs: ``3.2.2`` and the Python ``3.13``."""

    airflow: str
    python: str


@dataclass(frozen=True)
class Image:
    """``context`` and ``contexts`` (by name) are relative to the project's folder; ``base`` names an Image,
    ``upstream`` an image of others, with the digest that the stack pins it to.

    ``packages`` is what the locks of the image and of its bases hold, name -> version.
    """

    name: str
    version: str
    profile: Profile
    base: str | None
    upstream: str | None
    platforms: tuple[str, ...]
    build_arguments: Mapping[str, str]
    key: str
    reference: str
    context: Path
    contexts: Mapping[str, Path] = field(default_factory=dict)
    shared: tuple[str, ...] = ()
    dag_types: tuple[str, ...] = ()
    smoke: tuple[str, ...] | None = None
    smoke_network: bool = False
    system_packages: tuple[str, ...] = ()
    packages: Mapping[str, str] = field(default_factory=dict)

    @property
    def alias(self) -> str:
        """``<repository>:<version>``, for people: it moves with every build of the version."""
        return f"{self.reference.rpartition(':')[0]}:{self.version}"


def load_images(
    root: Path,
    repository: Repository,
    airflow: AirflowVersion,
    stage_to: Path | None = None,
    base_digests: Mapping[str, str] | None = None,
) -> tuple[Image, ...]:
    """Every image below ``root`` (``images/``), bases before what stands on them.

    With ``stage_to`` (``build/contexts``) their build contexts are staged there and the keys are of what was staged.
    ``base_digests`` pins upstream images: ``python:3.13-slim-trixie`` -> ``sha256:...``.
    Raises InputError with the problems of all folders; then nothing is staged.
    """
    folders, problems = {}, []
    for name in image_folders(root):
        folder, found = read_folder(root, name, f"{root.name}/{name}")
        problems += found
        if folder:
            folders[name] = folder
    broken = frozenset(set(image_folders(root)) - folders.keys())
    problems += image_problems(folders, broken, airflow.airflow, airflow.python)
    contents: dict[str, _Content] = {}
    for name, folder in folders.items():
        try:
            contents[name] = _content(root, folder)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    images: dict[str, Image] = {}
    for name in _bases_first(folders):
        folder = folders[name]
        upstream = _pinned(folder.table.upstream, base_digests or {})
        base = images[folder.table.base] if folder.table.base else None
        key = _key(folder, base.key if base else upstream or "", contents[name], stage_to)
        images[name] = _image(folder, key, repository, upstream, base)
    return tuple(images.values())


def in_use(images: Sequence[Image]) -> tuple[Image, ...]:
    """Without bases on which no image stands: a stack builds none of them."""
    needed = {image.name for image in images if image.dag_types}
    for image in reversed(images):
        if image.name in needed and image.base:
            needed.add(image.base)
    return tuple(image for image in images if image.name in needed)


@dataclass(frozen=True)
class _Content:
    """What belongs to a build: folder and members of its context, and of each named one."""

    context: tuple[Path, tuple[Member, ...]]
    named: Mapping[str, tuple[Path, tuple[Member, ...]]]


def _content(root: Path, folder: ImageFolder) -> _Content:
    named = {
        name: (root / path, members(root / path, f"{root.name}/{path}"))
        for name, path in sorted(folder.table.contexts.items())
        if (root / path).is_dir()  # else it is told already
    }
    return _Content((folder.folder, members(folder.folder, folder.shown_as)), named)


def _key(folder: ImageFolder, base: str, content: _Content, stage_to: Path | None) -> str:
    def entries(found: tuple[Path, tuple[Member, ...]], beside: Path) -> tuple[Entry, ...]:
        return hashed(*found) if stage_to is None else stage(*found, stage_to / beside)

    named = {name: entries(found, named_context(folder.name, name)) for name, found in content.named.items()}
    arguments = {**folder.table.build_arguments, **EVERY_BUILD}
    recipe = Recipe(base, folder.table.platforms, arguments, EXPORT, _declared(folder), named)
    return content_key(recipe, entries(content.context, Path(folder.name)))


def _declared(folder: ImageFolder) -> str:
    """The table without what a key has by itself. The file may be ignored by the build; what it says still counts."""
    counted = {"base", "upstream", "platforms", "build_arguments"}
    return json.dumps(folder.table.model_dump(exclude=counted, exclude_defaults=True), sort_keys=True)


def named_context(image: str, context: str) -> Path:
    """Where it is staged, below the folder of all contexts; a dot stands in no image's name."""
    return Path(f"{image}.contexts") / context


def _pinned(upstream: str | None, digests: Mapping[str, str]) -> str | None:
    digest = digests.get(upstream or "")
    return f"{upstream}@{digest}" if digest else upstream


def declared_profiles(root: Path) -> dict[str, Profile | None]:
    """DAG type -> profile of the image that serves it, None where no folder can be read; for telling mistakes apart."""
    declared: dict[str, Profile | None] = {}
    for name in image_folders(root):
        folder = read_folder(root, name, name)[0]
        if folder:
            declared |= dict.fromkeys(folder.dag_types, folder.table.profile)
        elif not name.startswith(f"{BASES}/"):
            declared[name] = None
    return declared


def _image(folder: ImageFolder, key: str, repository: Repository, upstream: str | None, base: Image | None) -> Image:
    table, version = folder.table, folder.project.version
    packages = {package.name: package.version for package in (folder.lock.packages if folder.lock else ())}
    return Image(
        name=folder.name,
        version=version,
        profile=table.profile,
        base=table.base,
        upstream=upstream,
        platforms=table.platforms,
        build_arguments=dict(table.build_arguments),
        key=key,
        reference=repository.reference(folder.name, tag(version, key)),
        context=CONTEXTS / folder.name,
        contexts={name: CONTEXTS / named_context(folder.name, name) for name in table.contexts},
        shared=tuple(table.contexts.values()),
        dag_types=folder.dag_types,
        smoke=table.smoke,
        smoke_network=table.smoke_network,
        system_packages=table.system_packages,
        packages={**(base.packages if base else {}), **packages},
    )


def _bases_first(folders: Mapping[str, ImageFolder]) -> list[str]:
    """An order in which each base comes before what stands on it, else by name. There are no cycles."""
    order: dict[str, None] = {}

    def add(name: str) -> None:
        if base := folders[name].table.base:
            add(base)
        order.setdefault(name)

    for name in sorted(folders):
        add(name)
    return list(order)
