"""``requirements.lock``: what ``uv pip compile --generate-hashes`` writes, under one line of our own.

The first line, ``# requirements-sha256: <64 hex>``, names the requirements that the lock was resolved from, so a lock
that is older than its ``pyproject.toml`` is found without a resolver and without a network.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pipelines.errors import Problem

LOCK = "requirements.lock"
HEADER = "# requirements-sha256: "
HASH = re.compile(r"\s--hash=sha256:([0-9a-f]{64})(?=\s|$)")
COMMENT = re.compile(r"(^|\s)#.*$")


@dataclass(frozen=True)
class LockedPackage:
    """``name`` is normalized; ``version`` is empty when the line pins none; ``hashes`` are sha256 in hexadecimal."""

    name: str
    version: str
    hashes: tuple[str, ...]
    line: int


@dataclass(frozen=True)
class Lock:
    requirements_sha256: str
    packages: tuple[LockedPackage, ...]
    unreadable: tuple[tuple[int, str], ...]

    def package(self, name: str) -> LockedPackage | None:
        wanted = canonicalize_name(name)
        return next((package for package in self.packages if package.name == wanted), None)


def requirements_sha256(dependencies: Sequence[str], requires_python: str) -> str:
    """The value of a lock's first line, sixty-four hexadecimal digits."""
    return hashlib.sha256("\n".join([*sorted(dependencies), requires_python]).encode()).hexdigest()


def exact_version(requirement: Requirement) -> str | None:
    """The version of ``name==version``; None for anything looser, and for an address."""
    specifiers = list(requirement.specifier)
    if requirement.url or len(specifiers) != 1:
        return None
    operator, version = specifiers[0].operator, specifiers[0].version
    return version if operator in ("==", "===") and "*" not in version else None


def parse_lock(text: str) -> Lock:
    """Never raises: lines that are no requirement are in ``unreadable`` as (line number, text)."""
    first = text.split("\n", 1)[0].rstrip()
    header = first.removeprefix(HEADER).strip() if first.startswith(HEADER) else ""
    packages, unreadable = [], []
    for number, line in _logical_lines(text):
        hashes = tuple(HASH.findall(line))
        try:
            requirement = Requirement(HASH.sub("", line).strip())
        except InvalidRequirement:
            unreadable.append((number, line))
            continue
        version = exact_version(requirement) or ""
        packages.append(LockedPackage(canonicalize_name(requirement.name), version, hashes, number))
    return Lock(header, tuple(packages), tuple(unreadable))


def lock_command(name: str) -> str:
    """What resolves the lock of the image folder ``name``."""
    return f"python -m commands images lock {name}"


def lock_problems(lock: Lock, dependencies: Sequence[str], requires_python: str, file: str, name: str) -> list[Problem]:
    """Where the lock of the image ``name`` and the exact pins in its ``pyproject.toml`` do not belong together."""
    refresh = lock_command(name)
    problems = [
        Problem(f"{file}:{number}", "", line[:80], "name==version with --hash=sha256:...", refresh)
        for number, line in lock.unreadable
    ]
    problems += [
        Problem(f"{file}:{package.line}", package.name, found, expected, refresh)
        for package in lock.packages
        for missing, found, expected in (
            (not package.version, "no exact version", "name==version"),
            (not package.hashes, "no hash", "at least one --hash=sha256:..."),
        )
        if missing
    ]
    direct = []
    for dependency in map(Requirement, dependencies):
        package, version = lock.package(dependency.name), exact_version(dependency)
        if package is None:
            direct.append(Problem(file, dependency.name, "not in the lock", f"version {version}", refresh))
        elif version and package.version != version:
            place = f"{file}:{package.line}"
            direct.append(Problem(place, dependency.name, f"version {package.version}", f"version {version}", refresh))
    expected = requirements_sha256(dependencies, requires_python)
    if not direct and lock.requirements_sha256 != expected:
        found = "a lock of other pins" if lock.requirements_sha256 else f"no line {HEADER.strip()!r}"
        wanted = f"a lock of the pins in pyproject.toml ({expected[:12]}...): this one is stale"
        direct.append(Problem(f"{file}:1", "requirements-sha256", found, wanted, refresh))
    return problems + direct


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments, continuations joined; numbered from one."""
    start, parts = 0, list[str]()
    for number, raw in enumerate(text.split("\n"), start=1):
        line = COMMENT.sub("", raw).rstrip()
        start = start if parts else number
        if line.endswith("\\"):
            parts.append(line[:-1])
            continue
        parts.append(line)
        if joined := " ".join(parts).strip():
            yield start, joined
        parts = []
    if joined := " ".join(parts).strip():
        yield start, joined
