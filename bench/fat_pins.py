"""One set of Python packages for all DAG types: what has to give so that it can be resolved at all.

The release's own packages stand, as in every worker image. The types' pins are added one by one; where the resolver
refuses one, it is tried as any version of that package, and left out where that cannot be had either. What is dropped,
and why, is what the resolver says.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import TypeAdapter
from uv import find_uv_bin

from local.machine import Machine
from pipelines.image_folder import ImageFolder
from pipelines.image_inventory import lines
from pipelines.image_lock import parse_lock

WHEELS_FOR = "x86_64-manylinux_2_28"


@dataclass(frozen=True)
class Pin:
    """A requirement of a DAG type, or of several: ``pandas==3.1.1``."""

    text: str
    types: tuple[str, ...]

    @property
    def package(self) -> str:
        return Requirement(self.text).name

    @property
    def name(self) -> str:
        return canonicalize_name(self.package)


@dataclass(frozen=True)
class Conflict:
    """``instead``: the version that is there now, empty where the package had to be left out; ``reason``: the
    resolver's words."""

    pin: Pin
    instead: str
    reason: str


@dataclass(frozen=True)
class Attempt:
    """A lock with hashes, or why there is none."""

    lock: str
    reason: str = ""


@dataclass(frozen=True)
class FatLock:
    """``moved``: package -> type -> the version that the type's own lock has, where that is another one."""

    lock: str
    conflicts: tuple[Conflict, ...]
    moved: Mapping[str, Mapping[str, str]]


KEPT = Path("build/bench")
ANSWER = TypeAdapter(tuple[str, tuple[Conflict, ...]])
Resolver = Callable[[Sequence[str]], Attempt]


def pins(folders: Sequence[ImageFolder]) -> tuple[Pin, ...]:
    """Every pin of every folder once; two folders' different pins of one package are two."""
    found: dict[str, list[str]] = {}
    for folder in folders:
        for text in folder.project.dependencies:
            found.setdefault(text, []).append(folder.name)
    return tuple(Pin(text, tuple(names)) for text, names in found.items())


def settle(wanted: Sequence[Pin], resolve: Resolver) -> tuple[Attempt, tuple[Conflict, ...]]:
    """As many pins as go together, in their order. Raises ValueError when not even none resolves."""
    held: list[str] = []
    refused: list[tuple[Pin, str, bool]] = []
    last = resolve([one.text for one in wanted])
    if not last.reason:
        return last, ()
    last = resolve(held)
    if last.reason:
        raise ValueError(f"not even the release's own packages resolve: {last.reason}")
    for pin in wanted:
        attempt = resolve([*held, pin.text])
        if not attempt.reason:
            held.append(pin.text)
            last = attempt
            continue
        loose = resolve([*held, pin.package])
        refused.append((pin, attempt.reason, not loose.reason))
        if not loose.reason:
            held.append(pin.package)
            last = loose
    versions = {package.name: package.version for package in parse_lock(last.lock).packages}
    conflicts = [
        Conflict(pin, versions.get(pin.name, "as the release has it") if stays else "", reason)
        for pin, reason, stays in refused
    ]
    return last, tuple(conflicts)


def resolver(shipped: Mapping[str, str], source_distributions: Sequence[str], python: str) -> Resolver:
    """By uv, under what Airflow's image ships; of that nothing is in the lock."""

    def resolve(requirements: Sequence[str]) -> Attempt:
        with TemporaryDirectory() as folder:
            asked, fixed, lock = (Path(folder) / name for name in ("asked.in", "shipped.txt", "requirements.lock"))
            asked.write_text("\n".join((*requirements, *lines(shipped))) + "\n")
            fixed.write_text("\n".join(lines(shipped)) + "\n")
            command = [find_uv_bin(), "pip", "compile", str(asked), "--constraint", str(fixed), "--quiet"]
            command += ["--no-header", "--no-annotate", "--generate-hashes", "--python-version", python]
            command += ["--python-platform", WHEELS_FOR, "--only-binary", ":all:", "--output-file", str(lock)]
            command += [part for name in source_distributions for part in ("--no-binary", name)]
            command += [part for name in shipped for part in ("--no-emit-package", name)]
            environment = {**os.environ, "UV_CACHE_DIR": str(Machine.here().cache / "uv")}
            done = subprocess.run(command, env=environment, text=True, capture_output=True, check=False)
            if done.returncode:
                return Attempt("", " ".join(done.stderr.split()))
            return Attempt(lock.read_text())

    return resolve


def fat_lock(folders: Sequence[ImageFolder], shipped: Mapping[str, str], python: str) -> FatLock:
    """Of all folders together; asked for again on the same day it is not resolved again, which takes minutes.

    Raises ValueError as ``settle`` does.
    """
    sources = sorted({name for folder in folders for name in folder.table.source_distributions})
    asked = repr((pins(folders), sorted(shipped.items()), sources, python, datetime.date.today()))
    kept = KEPT / f"fat-lock-{hashlib.sha256(asked.encode()).hexdigest()[:16]}.json"
    if kept.is_file():
        lock, conflicts = ANSWER.validate_json(kept.read_text())
    else:
        attempt, conflicts = settle(pins(folders), resolver(shipped, sources, python))
        lock = "".join((*(f"--no-binary {name}\n" for name in sources), attempt.lock))
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(ANSWER.dump_json((lock, conflicts)))
    versions = {**shipped, **{one.name: one.version for one in parse_lock(lock).packages}}
    moved: dict[str, dict[str, str]] = {}
    for folder in folders:
        for package in folder.lock.packages if folder.lock else ():
            if versions.get(package.name) != package.version:
                moved.setdefault(package.name, {})[folder.name] = package.version
    return FatLock(lock, conflicts, moved)
