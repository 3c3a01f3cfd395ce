"""One folder under ``images/``, read and checked by itself."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from packaging.requirements import InvalidRequirement, Requirement
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipelines.errors import Problem
from pipelines.image_dockerfile import dockerfile_problems
from pipelines.image_lock import LOCK, Lock, exact_version, lock_command, lock_problems, parse_lock
from pipelines.lock_header import Requirements
from pipelines.text_forms import Matching
from pipelines.validation import problems_of, shown

PROJECT = "pyproject.toml"
BASES = "bases"
# https://distribution.github.io/distribution/spec/api/: one component of a repository name; and no two separators.
NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
LONGEST_NAME = 63
Version = Annotated[str, Matching("[A-Za-z0-9_][A-Za-z0-9_.]{0,63}", "a version that can stand in a tag")]
Upstream = Annotated[
    str,
    Matching(
        # https://pkg.go.dev/github.com/distribution/reference, with a tag, and optionally a digest.
        r"[a-z0-9][A-Za-z0-9._-]*(:[0-9]+)?(/[a-z0-9._-]+)*:(?!latest(@|$))[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
        r"(@sha256:[0-9a-f]{64})?",
        "an image with a tag other than latest",
    ),
]
OperatingSystem = Annotated[str, Matching("linux/[a-z0-9]+(/[a-z0-9]+)?", "a platform such as linux/amd64")]
Argument = Annotated[
    str,
    Matching(
        "(?!BUILDKIT_|BASE_IMAGE$|SOURCE_DATE_EPOCH$)[A-Za-z_][A-Za-z0-9_]*",
        "the name of a build argument, none of BASE_IMAGE, SOURCE_DATE_EPOCH and BUILDKIT_...",
    ),
]

Profile = Literal["task", "worker", "base"]
Model = TypeVar("Model", bound=BaseModel)


class DagImageTable(BaseModel):
    """``[tool.dag-image]`` of an image's pyproject.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: Profile
    base: str | None = None
    upstream: Upstream | None = None
    platforms: Annotated[tuple[OperatingSystem, ...], Field(min_length=1)] = ("linux/amd64",)
    build_arguments: dict[Argument, str] = Field(default_factory=dict, alias="build-arguments")

    @model_validator(mode="after")
    def _stands_on_one(self) -> DagImageTable:
        if (self.base is None) == (self.upstream is None):
            raise ValueError("either base (a folder under images/) or upstream (an image), one of them")
        return self


class ProjectTable(BaseModel):
    """``[project]`` as far as an image needs it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    version: Version
    requires_python: str = Field(alias="requires-python")
    dependencies: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageFolder:
    """``name`` is the path below ``images/``; ``file`` is how messages call its pyproject.toml."""

    name: str
    folder: Path
    shown_as: str
    project: ProjectTable
    table: DagImageTable
    lock: Lock | None

    @property
    def file(self) -> str:
        return f"{self.shown_as}/{PROJECT}"


def image_folders(images: Path) -> Iterator[str]:
    """The names of all folders that are an image: those below ``images/``, and below ``images/bases/``."""
    for folder in sorted(images.iterdir()) if images.is_dir() else ():
        if folder.name.startswith(".") or not folder.is_dir() or folder.name == "__pycache__":
            continue
        if folder.name == BASES:
            yield from (f"{BASES}/{name}" for name in image_folders(folder))
        else:
            yield folder.name


def read_folder(images: Path, name: str, shown_as: str) -> tuple[ImageFolder | None, list[Problem]]:
    """The record, or None where there is too little to make one, and all that is wrong with it."""
    folder = images / name
    problems = [*_name_problems(name, shown_as), *dockerfile_problems(folder, shown_as)]
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
    problems += _identity_problems(name, project, table, file)
    unpinned = _unpinned(name, project, file)
    lock, found = _read_lock(name, folder, requirements_of(project, table), shown_as, pinned=not unpinned)
    return ImageFolder(name, folder, shown_as, project, table, lock), [*problems, *unpinned, *found]


def _table(model: type[Model], value: object, file: str, key: str, problems: list[Problem]) -> Model | None:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems += problems_of(error, model, file, key)
        return None


def _name_problems(name: str, shown_as: str) -> list[Problem]:
    last = name.rpartition("/")[2]
    if NAME.fullmatch(last) and len(last) <= LONGEST_NAME and not name.startswith(f"{BASES}-"):
        return []
    expected = f"small letters, digits and single hyphens, at most {LONGEST_NAME}, not {BASES}-..."
    return [Problem(shown_as, "", f"an image named {shown(last)}", expected, "rename the folder")]


def _identity_problems(name: str, project: ProjectTable, table: DagImageTable, file: str) -> list[Problem]:
    is_base = name.startswith(f"{BASES}/")
    problems = []
    if not is_base and project.name != name:
        fix = "name the project as its folder"
        problems.append(Problem(file, "project.name", shown(project.name), repr(name), fix))
    if is_base != (table.profile == "base"):
        expected = "'base' for a folder in images/bases/, 'task' or 'worker' elsewhere"
        fix = "correct the profile or move the folder"
        problems.append(Problem(file, "tool.dag-image.profile", repr(table.profile), expected, fix))
    return problems


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
    return Requirements(project.dependencies, project.requires_python, table.platforms)


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
