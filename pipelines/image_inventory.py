"""``inventory.txt`` of an image folder: what its upstream image ships, so that worker locks resolve without that image.

# of apache/airflow:3.2.2-python3.13
aiohttp==3.14.0
...
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pipelines.errors import Problem
from pipelines.image_lock import LOCK, Lock, exact_version, lock_command
from pipelines.installed import Installed
from pipelines.lock_header import INVENTORY as HEADER_KEY

INVENTORY = "inventory.txt"
OF = "# of "
#: Whose folder tells which of several sets of packages an image's workers import.
AIRFLOW = "apache-airflow-core"


@dataclass(frozen=True)
class Inventory:
    """``versions`` by normalized name; ``shown_as`` is how messages call the file."""

    shown_as: str
    upstream: str
    versions: Mapping[str, str]

    @property
    def sha256(self) -> str:
        """Of the packages alone: a new digest under the same tag, with the same packages, makes no lock stale."""
        return hashlib.sha256("\n".join(lines(self.versions)).encode()).hexdigest()


class Folder(Protocol):
    """As much of an image folder as is needed here."""

    @property
    def name(self) -> str: ...

    @property
    def folder(self) -> Path: ...

    @property
    def shown_as(self) -> str: ...

    @property
    def lock(self) -> Lock | None: ...


def lines(versions: Mapping[str, str]) -> list[str]:
    return [f"{name}=={version}" for name, version in sorted(versions.items())]


def inventory_text(upstream: str, installed: Installed) -> str:
    """The file's content. Raises ValueError for an image without Airflow: nothing resolves under such a one."""
    folder = next((one.folder for one in installed.distributions if one.name == AIRFLOW), None)
    if folder is None:
        raise ValueError(f"{upstream} holds no Airflow")
    versions = {one.name: one.version for one in installed.distributions if one.folder == folder}
    return "\n".join([OF + upstream, *lines(versions), ""])


def refresh_command(name: str) -> str:
    return f"python -m commands images lock --inventory {name}"


def read_inventory(folder: Path, shown_as: str, name: str) -> tuple[Inventory | None, list[Problem]]:
    """The inventory of a folder, None where it has none, and what is wrong with it."""
    file = f"{shown_as}/{INVENTORY}"
    try:
        first, *rest = (folder / INVENTORY).read_text().split("\n")
    except FileNotFoundError:
        return None, []
    except UnicodeDecodeError as error:
        return None, [Problem(file, "", str(error), "UTF-8", refresh_command(name))]
    versions: dict[str, str] = {}
    problems: list[Problem] = []
    for number, line in enumerate(rest, start=2):
        try:
            requirement = Requirement(line) if line else None
        except InvalidRequirement:
            requirement = Requirement("unreadable")
        if requirement is None:
            continue
        if version := exact_version(requirement):
            versions[canonicalize_name(requirement.name)] = version
        else:
            problems.append(Problem(f"{file}:{number}", "", line[:80], "name==version", refresh_command(name)))
    if not first.startswith(OF):
        problems.append(Problem(f"{file}:1", "", first[:80], f"{OF}<upstream image>", refresh_command(name)))
    return Inventory(file, first.removeprefix(OF), versions), problems


def nearest(chain: Sequence[Folder]) -> tuple[Inventory | None, list[Problem]]:
    """The inventory of the first folder that has one, from a folder down to what has an upstream."""
    for folder in chain:
        found, problems = read_inventory(folder.folder, folder.shown_as, folder.name)
        if found or problems:
            return found, problems
    return None, []


def inventory_problems(folder: Folder, inventory: Inventory, upstream: str) -> list[Problem]:
    """Where the inventory is of another image, or the folder's lock was not resolved under it."""
    owner = inventory.shown_as.split("/", 1)[1].rpartition("/")[0]
    if inventory.upstream != upstream.partition("@")[0]:
        found = f"the packages of {inventory.upstream}"
        return [Problem(f"{inventory.shown_as}:1", "", found, f"those of {upstream}", refresh_command(owner))]
    if folder.lock is None:
        return []
    file, refresh = f"{folder.shown_as}/{LOCK}", lock_command(folder.name)
    replaced = [
        Problem(f"{file}:{package.line}", package.name, f"version {package.version}", expected, refresh)
        for package in folder.lock.packages
        if package.name in inventory.versions
        for expected in (f"version {inventory.versions[package.name]}, which the base ships, and so no line here",)
    ]
    if replaced or folder.lock.header.inventory_sha256 == inventory.sha256:
        return replaced
    found = "a lock resolved under other packages" if folder.lock.header.inventory_sha256 else "no such line"
    expected = f"a lock resolved under {inventory.shown_as} ({inventory.sha256[:12]}...)"
    return [Problem(f"{file}:1", HEADER_KEY, found, expected, refresh)]
