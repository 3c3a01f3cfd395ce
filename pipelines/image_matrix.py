"""What a continuous build has to build: the images whose content differs from that of a base commit, and why."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipelines.images import IMAGES, Image

#: Files that decide how every image is built, and so all keys.
HOW = frozenset(
    f"pipelines/{name}.py"
    for name in ("content_key", "image_staging", "ignore_rules", "images", "image_folder", "image_table")
)
SHOWN = 3


@dataclass(frozen=True)
class Entry:
    """One job of the matrix."""

    type: str
    context: str
    reference: str
    platforms: str
    reason: str


@dataclass(frozen=True)
class Changes:
    """Since a commit: paths of changed files, and the upstream images that the stack pins otherwise than then."""

    paths: tuple[str, ...]
    pins: frozenset[str] = frozenset()
    stack: str = ""


def matrix(images: Sequence[Image], changes: Changes | None) -> tuple[Entry, ...]:
    """An entry for every image, or for those that the changes touch, bases before what stands on them."""
    if changes is None:
        return tuple(_entry(image, "all were asked for") for image in images)
    reasons = _reasons(images, changes)
    return tuple(_entry(image, reasons[image.name]) for image in images if image.name in reasons)


def to_json(entries: Iterable[Entry]) -> str:
    """One line, as ``fromJSON`` of a GitHub Actions ``strategy.matrix`` takes it."""
    return json.dumps({"include": [vars(entry) for entry in entries]})


def _entry(image: Image, reason: str) -> Entry:
    return Entry(image.name, f"{IMAGES}/{image.name}", image.reference, ",".join(image.platforms), reason)


def _reasons(images: Sequence[Image], changes: Changes) -> dict[str, str]:
    if how := sorted(HOW & set(changes.paths)):
        return {image.name: f"how images are built changed: {', '.join(how)}" for image in images}
    below = _by_folder(changes.paths)
    reasons: dict[str, str] = {}
    for image in images:
        folders = [str(IMAGES / image.name), *(str(IMAGES / shared) for shared in image.shared)]
        found = [path for folder in folders for path in below.get(folder, ())]
        upstream = (image.upstream or "").partition("@")[0]
        if found:
            reasons[image.name] = f"changed: {_listed(found)}"
        elif upstream and upstream in changes.pins:
            reasons[image.name] = f"{changes.stack} pins another digest of {upstream}"
        elif image.base in reasons:
            reasons[image.name] = f"stands on {image.base}, {reasons[image.base]}"
    return reasons


def _by_folder(paths: Iterable[str]) -> Mapping[str, list[str]]:
    """Every folder above a changed file -> the files, relative to it."""
    found: dict[str, list[str]] = {}
    for path in sorted(paths):
        for folder in PurePosixPath(path).parents:
            found.setdefault(str(folder), []).append(str(PurePosixPath(path).relative_to(folder)))
    return found


def _listed(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return ", ".join(paths[:SHOWN]) + more
