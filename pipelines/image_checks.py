"""What must hold between image folders, and between them and the Airflow that a stack runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from pipelines.errors import Problem
from pipelines.image_dockerfile import DOCKERFILE
from pipelines.image_folder import PROJECT, ImageFolder
from pipelines.image_inventory import inventory_problems
from pipelines.image_inventory import nearest as nearest_inventory
from pipelines.image_lock import LOCK, LockedPackage, lock_command
from pipelines.validation import nearest

AIRFLOW_IMAGE = re.compile(
    r"^(?:(?:docker\.io|ghcr\.io)/)?apache/airflow(?::(?P<tag>[^@]+))?(?:@.*)?$",
)
PYTHON_IMAGE = re.compile(r"^(?:docker\.io/)?(?:library/)?python:(?P<python>\d+\.\d+)(?![\d])")
AIRFLOW_TAG = re.compile(r"(?P<airflow>\d+\.\d+\.\d+)-python(?P<python>\d+\.\d+)")
AIRFLOW_PACKAGE = re.compile(r"apache-airflow(-.+)?")
LOCAL_PREFIX = "de-airflow-pipeline"
AIRFLOW_ITSELF = ("apache-airflow", "apache-airflow-core")


def image_problems(
    folders: Mapping[str, ImageFolder], unreadable: frozenset[str], airflow: str, python: str
) -> list[Problem]:
    """All of them. ``unreadable`` names the folders whose own problems are told elsewhere."""
    problems: list[Problem] = []
    for folder in folders.values():
        chain, found = _chain(folder, folders, unreadable)
        problems += found
        if chain:
            # A default that repeats a wrong base is not told as well.
            problems += list(_base_problems(folder, chain[-1], airflow, python)) or _default_problems(folder, chain)
        problems += _lock_problems(folder, chain or [folder], airflow)
        problems += _inventory_problems(folder, chain, f"{airflow}-python{python}")
    return [*problems, *_type_problems(folders.values())]


def _inventory_problems(folder: ImageFolder, chain: list[ImageFolder], release: str) -> list[Problem]:
    """What a worker's packages stand on is never replaced. Of another release's image something else is told."""
    found = AIRFLOW_IMAGE.match(chain[-1].table.upstream or "") if chain else None
    if folder.table.profile == "task" or found is None or found["tag"] != release:
        return []
    inventory, problems = nearest_inventory(chain)
    return [*problems, *(inventory_problems(folder, inventory, chain[-1].table.upstream or "") if inventory else ())]


def local_tag(folder: ImageFolder) -> str:
    """What ``docker build -t`` calls a base on a developer's machine, where no stack builds it."""
    return f"{LOCAL_PREFIX}-{folder.name.replace('/', '-')}:{folder.project.version}"


def _default_problems(folder: ImageFolder, chain: list[ImageFolder]) -> Iterator[Problem]:
    """Plain ``docker build`` must find what the image stands on."""
    expected = local_tag(chain[1]) if folder.table.base else folder.table.upstream
    if folder.dockerfile.default != expected:
        found = folder.dockerfile.default or "no default"
        fix = f"write ARG BASE_IMAGE={expected}"
        yield Problem(f"{folder.shown_as}/{DOCKERFILE}", "ARG BASE_IMAGE", found, f"{expected}, as {PROJECT} says", fix)


def _type_problems(folders: Iterable[ImageFolder]) -> Iterator[Problem]:
    """No DAG type has two images."""
    serving: dict[str, list[ImageFolder]] = {}
    for folder in folders:
        for type_ in folder.dag_types:
            serving.setdefault(type_, []).append(folder)
    for type_, several in serving.items():
        names = ", ".join(sorted(folder.name for folder in several))
        for folder in several if len(several) > 1 else ():
            found, fix = f"{type_!r}, served by {names}", "let one folder serve it: see dag-types"
            yield Problem(folder.file, "tool.dag-image.dag-types", found, "one image for each DAG type", fix)


def _chain(
    folder: ImageFolder, folders: Mapping[str, ImageFolder], unreadable: frozenset[str]
) -> tuple[list[ImageFolder], list[Problem]]:
    """The folder and what it stands on, down to the one with an upstream; empty when there is no such end, and why."""
    chain = [folder]
    while base := chain[-1].table.base:
        if base in unreadable:
            return [], []
        if base not in folders or folders[base].table.profile != "base":
            # Told once, by the folder that names the missing base.
            return [], [_unknown_base(folder, folders)] if len(chain) == 1 else []
        if any(other.name == base for other in chain):
            return [], [_cycle(folder, [*(other.name for other in chain), base])] if base == folder.name else []
        chain.append(folders[base])
    return chain, []


def _unknown_base(folder: ImageFolder, folders: Mapping[str, ImageFolder]) -> Problem:
    known = sorted(name for name, other in folders.items() if other.table.profile == "base")
    base = folder.table.base or ""
    expected = f"one of {', '.join(known)}" if known else "a folder in images/bases/, and there is none"
    return Problem(folder.file, "tool.dag-image.base", repr(base), expected, nearest(base, known) or "correct it")


def _cycle(folder: ImageFolder, chain: list[str]) -> Problem:
    expected = "bases that end at an upstream image"
    return Problem(folder.file, "tool.dag-image.base", " -> ".join(chain), expected, "break the circle")


def _base_problems(folder: ImageFolder, root: ImageFolder, airflow: str, python: str) -> Iterator[Problem]:
    upstream = root.table.upstream or ""
    found = AIRFLOW_IMAGE.match(upstream)
    key = "tool.dag-image.upstream" if root is folder else "tool.dag-image.base"
    if folder.table.profile == "task" and found:
        expected = "an image without Airflow: this is a task image"
        yield Problem(folder.file, key, upstream, expected, 'stand on another base, or make it profile = "worker"')
    if folder.table.profile != "worker":
        if found := PYTHON_IMAGE.match(upstream):
            yield from _python_problems(folder, found["python"], upstream)
        return
    wanted = f"apache/airflow:{airflow}-python{python}"
    version = AIRFLOW_TAG.fullmatch(found["tag"] or "") if found else None
    if version is None or (version["airflow"], version["python"]) != (airflow, python):
        expected = f"{wanted}, the Airflow and Python of the stack: this is a worker image"
        whose = "" if root is folder else f"let {root.shown_as} "
        yield Problem(folder.file, key, upstream, expected, f"{whose}stand on {wanted}")
    yield from _python_problems(folder, python, "the stack")


def _python_problems(folder: ImageFolder, python: str, whose: str) -> Iterator[Problem]:
    """A lock is resolved for the Python that ``requires-python`` names: what the image runs must be that one."""
    requires = folder.project.requires_python
    try:
        fits = not requires or SpecifierSet(requires).contains(f"{python}.0", prereleases=True)
    except InvalidSpecifier:
        fits = False
    if not fits:
        expected = f"a range that holds Python {python}, which {whose} runs"
        fix = f'write "=={python}.*", then {lock_command(folder.name)}'
        yield Problem(folder.file, "project.requires-python", repr(requires), expected, fix)


def _lock_problems(folder: ImageFolder, chain: list[ImageFolder], airflow: str) -> Iterator[Problem]:
    for package in folder.lock.packages if folder.lock else ():
        if package.name in AIRFLOW_ITSELF and package.version != airflow and folder.table.profile != "task":
            expected = f"version {airflow}, which the stack runs"
            found = f"version {package.version}"
            yield Problem(_place(folder, package), package.name, found, expected, lock_command(folder.name))
    if folder.table.profile != "task":
        return
    for below in chain:
        for package in below.lock.packages if below.lock else ():
            if AIRFLOW_PACKAGE.fullmatch(package.name):
                expected = f"no Airflow: {folder.name} is a task image"
                fix = 'drop what brings it, or make it profile = "worker"'
                yield Problem(_place(below, package), package.name, f"version {package.version}", expected, fix)


def _place(folder: ImageFolder, package: LockedPackage) -> str:
    return f"{folder.shown_as}/{LOCK}:{package.line}"
