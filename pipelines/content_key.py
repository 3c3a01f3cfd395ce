"""The key of an image: a hash over everything that decides what a build of it makes.

No owner, no time, no directory, no order of reading enters it, nor the registry that the image is pushed to: the same
content has the same key in each stack.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

SCHEMA = b"de-airflow-pipeline image 2\n"
TAG_DIGITS = 12


@dataclass(frozen=True, order=True)
class Entry:
    """One file of a build context: ``content`` is the sha256 of its bytes, or of its link target."""

    path: str
    kind: Literal["file", "executable", "link"]
    content: bytes


@dataclass(frozen=True)
class Recipe:
    """What besides the files decides a build's bytes.

    ``base`` is the key of the base folder, or the upstream reference; ``export`` says how layers are packed;
    ``declared`` is the rest of the image's table; ``contexts`` are the files of its named contexts.
    """

    base: str
    platforms: tuple[str, ...]
    build_arguments: Mapping[str, str]
    export: str
    declared: str = ""
    contexts: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)


def content_key(recipe: Recipe, entries: Iterable[Entry]) -> str:
    """Sixty-four hexadecimal digits."""
    digest = hashlib.sha256(SCHEMA)
    fields = [b"base", recipe.base.encode(), b"export", recipe.export.encode(), b"declared", recipe.declared.encode()]
    for platform in sorted(recipe.platforms):
        fields += [b"platform", platform.encode()]
    for name, value in sorted(recipe.build_arguments.items()):
        fields += [b"argument", name.encode(), value.encode()]
    for name, files in sorted(recipe.contexts.items()):
        fields += [b"context", name.encode(), b"%d" % len(files), *_fields(files)]
    fields += _fields(entries)
    for one in fields:
        # The length before each field keeps neighbours apart: ("ab", "c") is not ("a", "bc").
        digest.update(b"%d:" % len(one))
        digest.update(one)
    return digest.hexdigest()


def _fields(entries: Iterable[Entry]) -> Iterator[bytes]:
    for entry in sorted(entries, key=lambda entry: _path_bytes(entry.path)):
        yield from (entry.kind.encode(), _path_bytes(entry.path), entry.content)


def tag(version: str, key: str) -> str:
    return f"{version}-{key[:TAG_DIGITS]}"


def _path_bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
