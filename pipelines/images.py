"""All of ``images/`` as records, each with its content key and the reference that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.content_key import Recipe, content_key, tag
from pipelines.errors import InputError
from pipelines.image_checks import image_problems
from pipelines.image_folder import ImageFolder, Profile, image_folders, read_folder
from pipelines.image_staging import hashed, members, stage

IMAGES = Path("images")
CONTEXTS = Path("build/contexts")
# 1980-01-01, the oldest time that zip files, and so wheels, can hold.
SOURCE_DATE_EPOCH = 315532800
# Files keep no time of their own, and layers are always packed anew the same way: equal content, equal digest. Level 3
# packs in less than half the time of the default, into a tenth more bytes.
EXPORT = (
    "type=image,push=true,oci-mediatypes=true,compression=gzip,compression-level=3,"
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
    """``context`` is relative to the project's folder; ``base`` names an Image, ``upstream`` an image of others'."""

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


def load_images(
    root: Path, repository: Repository, airflow: AirflowVersion, stage_to: Path | None = None
) -> tuple[Image, ...]:
    """Every image below ``root`` (``images/``), bases before what stands on them.

    With ``stage_to`` (``build/contexts``) their build contexts are staged there and the keys are of what was staged.
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
    contents = {}
    for name, folder in folders.items():
        try:
            contents[name] = members(folder.folder, folder.shown_as)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    images: dict[str, Image] = {}
    for name in _bases_first(folders):
        folder = folders[name]
        if stage_to is None:
            entries = hashed(folder.folder, contents[name])
        else:
            entries = stage(folder.folder, contents[name], stage_to / name)
        base = images[folder.table.base].key if folder.table.base else folder.table.upstream or ""
        key = content_key(_recipe(folder, base), entries)
        images[name] = _image(folder, key, repository)
    return tuple(images.values())


def declared_profiles(root: Path) -> dict[str, Profile | None]:
    """The profile that each folder below ``root`` names, None where none can be read; for telling mistakes apart."""
    folders = {name: read_folder(root, name, name)[0] for name in image_folders(root)}
    return {name: folder.table.profile if folder else None for name, folder in folders.items()}


def _recipe(folder: ImageFolder, base: str) -> Recipe:
    arguments = {**folder.table.build_arguments, **EVERY_BUILD}
    return Recipe(base, folder.table.platforms, arguments, EXPORT)


def _image(folder: ImageFolder, key: str, repository: Repository) -> Image:
    table, version = folder.table, folder.project.version
    return Image(
        name=folder.name,
        version=version,
        profile=table.profile,
        base=table.base,
        upstream=table.upstream,
        platforms=table.platforms,
        build_arguments=dict(table.build_arguments),
        key=key,
        reference=repository.reference(folder.name, tag(version, key)),
        context=CONTEXTS / folder.name,
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
