"""``requirements.lock``: what ``uv pip compile --generate-hashes`` writes, under a header of our own.

By the header a lock that is older than its ``pyproject.toml``, or that was edited by hand, is found without a resolver
and without a network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pipelines.errors import Problem
from pipelines.lock_header import BODY, REQUIREMENTS, RESOLVED_FOR, LockHeader, Requirements, edited_line, read_header

LOCK = "requirements.lock"
HASH = re.compile(r"\s--hash=sha256:([0-9a-f]{64})(?=\s|$)")
FROM_SOURCE = re.compile(r"--no-binary[ =](\S+)")
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
    """``edited_line`` is None where the body is as it was resolved; ``from_source`` may come as sources."""

    header: LockHeader
    packages: tuple[LockedPackage, ...]
    unreadable: tuple[tuple[int, str], ...]
    edited_line: int | None
    from_source: tuple[str, ...] = ()

    def package(self, name: str) -> LockedPackage | None:
        wanted = canonicalize_name(name)
        return next((package for package in self.packages if package.name == wanted), None)


def exact_version(requirement: Requirement) -> str | None:
    """The version of ``name==version``; None for anything looser, and for an address."""
    specifiers = list(requirement.specifier)
    if requirement.url or len(specifiers) != 1:
        return None
    operator, version = specifiers[0].operator, specifiers[0].version
    return version if operator in ("==", "===") and "*" not in version else None


def parse_lock(text: str) -> Lock:
    """Never raises: lines that are no requirement are in ``unreadable`` as (line number, text)."""
    header = read_header(text)
    packages, unreadable, from_source = [], [], []
    for number, line in _logical_lines(text):
        if found := FROM_SOURCE.fullmatch(line):
            from_source.append(found[1])
            continue
        hashes = tuple(HASH.findall(line))
        try:
            requirement = Requirement(HASH.sub("", line).strip())
        except InvalidRequirement:
            unreadable.append((number, line))
            continue
        version = exact_version(requirement) or ""
        packages.append(LockedPackage(canonicalize_name(requirement.name), version, hashes, number))
    return Lock(header, tuple(packages), tuple(unreadable), edited_line(text, header), tuple(from_source))


def lock_command(name: str) -> str:
    """What resolves the lock of the image folder ``name``."""
    return f"python -m commands images lock {name}"


def lock_problems(lock: Lock, requirements: Requirements, file: str, name: str) -> list[Problem]:
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
    direct = list(_direct_problems(lock, requirements, file, refresh))
    problems += direct or _header_problems(lock.header, requirements, file, refresh)
    place = f"{file}:{lock.edited_line}"
    if lock.edited_line and place not in {problem.file for problem in problems}:
        found = "not as it was resolved" if lock.header.body_sha256 else f"no line '# {BODY}:'"
        problems.append(Problem(place, BODY, found, "what the resolver wrote: a lock is not edited", refresh))
    return problems


def _direct_problems(lock: Lock, requirements: Requirements, file: str, refresh: str) -> Iterator[Problem]:
    for dependency in map(Requirement, requirements.dependencies):
        package, version = lock.package(dependency.name), exact_version(dependency)
        if package is None:
            yield Problem(file, dependency.name, "not in the lock", f"version {version}", refresh)
        elif version and package.version != version:
            place = f"{file}:{package.line}"
            yield Problem(place, dependency.name, f"version {package.version}", f"version {version}", refresh)


def _header_problems(header: LockHeader, requirements: Requirements, file: str, refresh: str) -> list[Problem]:
    if header.resolved_for and header.resolved_for != requirements.resolved_for:
        found, expected = f"a lock for {header.resolved_for}", requirements.resolved_for
        return [Problem(f"{file}:2", RESOLVED_FOR, found, expected, refresh)]
    if header.requirements_sha256 != requirements.sha256:
        found = "a lock of other pins" if header.requirements_sha256 else f"no line '# {REQUIREMENTS}:'"
        expected = f"a lock of the pins in pyproject.toml ({requirements.sha256[:12]}...): this one is stale"
        return [Problem(f"{file}:1", REQUIREMENTS, found, expected, refresh)]
    return []


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
