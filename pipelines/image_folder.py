"""One folder under ``images/``, read and checked by itself."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from packaging.requirements import InvalidRequirement, Requirement
from pydantic import BaseModel, ValidationError

from pipelines.errors import Problem
from pipelines.image_dockerfile import Dockerfile, read_dockerfile
from pipelines.image_lock import LOCK, Lock, exact_version, lock_command, lock_problems, parse_lock
from pipelines.image_table import LONGEST_NAME, NAME, DagImageTable, ProjectTable
from pipelines.lock_header import Requirements
from pipelines.validation import nearest, problems_of, shown

PROJECT = "pyproject.toml"
BASES = "bases"
#: Folders that several images share, as named contexts; no image's name.
SHARED = "shared"
IMAGE_NAME = f"small letters, digits and single hyphens, at most {LONGEST_NAME}, not {BASES}, {SHARED} or {BASES}-..."
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class ImageFolder:
    """``name`` is the path below ``images/``; ``file`` is how messages call its pyproject.toml."""

    name: str
    folder: Path
    shown_as: str
    project: ProjectTable
    table: DagImageTable
    lock: Lock | None
    dockerfile: Dockerfile

    @property
    def file(self) -> str:
        return f"{self.shown_as}/{PROJECT}"

    @property
    def dag_types(self) -> tuple[str, ...]:
        """The DAG types that it serves; a base serves none."""
        if self.table.profile == "base":
            return ()
        return (self.name,) if self.table.dag_types is None else self.table.dag_types


def image_folders(images: Path) -> Iterator[str]:
    """The names of all folders that are an image: those below ``images/``, and below ``images/bases/``."""
    for folder in sorted(images.iterdir()) if images.is_dir() else ():
        if folder.name.startswith(".") or not folder.is_dir() or folder.name in ("__pycache__", SHARED):
            continue
        if folder.name == BASES:
            yield from (f"{BASES}/{name}" for name in image_folders(folder))
        else:
            yield folder.name


def unknown_problems(names: Iterable[str], known: Collection[str]) -> list[Problem]:
    """One for each name that is no image's."""
    expected = f"one of {', '.join(sorted(known))}" if known else "a folder below images/, and there is none"
    return [
        Problem(f"images/{name}", "", "no such image", expected, nearest(name, [*known]) or "name another, or add it")
        for name in names
        if name not in known
    ]


def is_image_name(name: str) -> bool:
    """Whether ``IMAGE_NAME`` tells of a path below ``images/``: what may stand in a repository's name, each its own."""
    last = name.removeprefix(f"{BASES}/")
    fits = re.fullmatch(NAME, last) and len(last) <= LONGEST_NAME and last not in (BASES, SHARED)
    return bool(fits) and not name.startswith(f"{BASES}-")


def read_folder(images: Path, name: str, shown_as: str) -> tuple[ImageFolder | None, list[Problem]]:
    """The record, or None where there is too little to make one, and all that is wrong with it."""
    folder = images / name
    problems = _name_problems(name, shown_as)
    dockerfile, found = read_dockerfile(folder, shown_as)
    problems += found
    file = f"{shown_as}/{PROJECT}"
    try:
        document: dict[str, Any] = tomllib.loads((folder / PROJECT).read_text())
    except FileNotFoundError:
        expected = "[project] and [tool.dag-image]"
        return None, [*problems, Problem(file, "", "no such file", expected, f"write {PROJECT}")]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return None, [*problems, Problem(file, "", str(error), "TOML", "correct it")]
    project = _table(ProjectTable, document.get("project", {}), file, "project", problems)
    raw_table = document.get("tool", {}).get("dag-image", {}) if isinstance(document.get("tool", {}), dict) else {}
    table = _table(DagImageTable, raw_table, file, "tool.dag-image", problems)
    if project is None or table is None:
        return None, problems
    # A folder that is to be renamed need not have its project named after it.
    problems += _identity_problems(name, project, table, file, named=not _name_problems(name, shown_as))
    problems += dockerfile.foreign_images(shown_as, frozenset(table.contexts)) if dockerfile else ()
    problems += _context_problems(images, table, file)
    unpinned = _unpinned(name, project, file)
    lock, found = _read_lock(name, folder, requirements_of(project, table), shown_as, pinned=not unpinned)
    problems += [*unpinned, *found]
    return (ImageFolder(name, folder, shown_as, project, table, lock, dockerfile) if dockerfile else None), problems


def _table(model: type[Model], value: object, file: str, key: str, problems: list[Problem]) -> Model | None:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems += problems_of(error, model, file, key)
        return None


def _name_problems(name: str, shown_as: str) -> list[Problem]:
    if is_image_name(name):
        return []
    return [Problem(shown_as, "", f"an image named {shown(name.rpartition('/')[2])}", IMAGE_NAME, "rename the folder")]


def _identity_problems(name: str, project: ProjectTable, table: DagImageTable, file: str, named: bool) -> list[Problem]:
    is_base = name.startswith(f"{BASES}/")
    problems = []
    if named and not is_base and project.name != name:
        fix = "name the project as its folder"
        problems.append(Problem(file, "project.name", shown(project.name), repr(name), fix))
    if is_base != (table.profile == "base"):
        expected = "'base' for a folder in images/bases/, 'task' or 'worker' elsewhere"
        fix = "correct the profile or move the folder"
        problems.append(Problem(file, "tool.dag-image.profile", repr(table.profile), expected, fix))
    return problems


def _context_problems(images: Path, table: DagImageTable, file: str) -> list[Problem]:
    """Of the named contexts: each is a folder."""
    known = sorted(path.relative_to(images).as_posix() for path in (images / SHARED).glob("*") if path.is_dir())
    return [
        Problem(
            file,
            f"tool.dag-image.contexts.{name}",
            f"no folder {images.name}/{path}",
            "a folder below images/shared",
            nearest(path, known) or "write it, or correct the path",
        )
        for name, path in sorted(table.contexts.items())
        if not (images / path).is_dir()
    ]


def _unpinned(name: str, project: ProjectTable, file: str) -> list[Problem]:
    problems = []
    for position, dependency in enumerate(project.dependencies):
        try:
            pinned = exact_version(Requirement(dependency)) is not None
        except InvalidRequirement:
            pinned = False
        if not pinned:
            key, fix = f"project.dependencies.{position}", f"pin it, then {lock_command(name)}"
            problems.append(Problem(file, key, shown(dependency), "an exact pin: name==version", fix))
    return problems


def requirements_of(project: ProjectTable, table: DagImageTable) -> Requirements:
    """What the folder's lock has to be resolved from."""
    return Requirements(project.dependencies, project.requires_python, table.platforms, table.source_distributions)


def _read_lock(
    name: str, folder: Path, requirements: Requirements, shown_as: str, pinned: bool
) -> tuple[Lock | None, list[Problem]]:
    file = f"{shown_as}/{LOCK}"
    try:
        lock = parse_lock((folder / LOCK).read_text())
    except FileNotFoundError:
        if not requirements.dependencies:
            return None, []
        expected = f"a lock of the pins in {PROJECT}"
        return None, [Problem(file, "", "no such file", expected, lock_command(name))]
    except UnicodeDecodeError as error:
        return None, [Problem(file, "", str(error), "UTF-8", lock_command(name))]
    return lock, lock_problems(lock, requirements, file, name) if pinned else []
