"""Which files of an image folder belong to its build: ``.dockerignore``, and what no build ever wants.

Docker's patterns differ from git's in their anchor: ``notes`` means ``notes`` beside the Dockerfile and nothing deeper.
They are rewritten to git's form and matched by pathspec. One difference is left: in Docker ``**`` inside a name
(``a**b``) crosses folders, here it does not.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

import pathspec

FILE = ".dockerignore"
NEVER = (
    "**/.git",
    "**/.DS_Store",
    "**/__pycache__",
    "**/*.py[co]",
    "**/.venv",
    "**/.mypy_cache",
    "**/.pytest_cache",
    "**/.ruff_cache",
    "**/.hypothesis",
    FILE,
)
ALWAYS = ("!Dockerfile",)


class IgnoreRules:
    """``ignores(path)`` for posix paths relative to the folder; the last pattern that matches decides."""

    def __init__(self, text: str = "") -> None:
        lines = [*NEVER, *_patterns(text), *ALWAYS]
        self._spec = pathspec.PathSpec.from_lines("gitignore", map(_as_git, lines))
        self._prunable = not any(line.startswith("!") for line in lines[len(NEVER) : -len(ALWAYS)])

    def ignores(self, path: str) -> bool:
        return self._spec.match_file(path)

    def prunes(self, folder: str) -> bool:
        """Nothing below the folder can be wanted, so nobody need look."""
        return self._prunable and self._spec.match_file(folder)


def _patterns(text: str) -> Iterable[str]:
    for line in text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}").splitlines():
        if line.startswith("#") or not line.strip():
            continue
        wanted, pattern = line.strip().startswith("!"), line.strip().removeprefix("!").strip()
        cleaned = posixpath.normpath(pattern).lstrip("/") if pattern else "."
        if cleaned != ".":
            yield f"!{cleaned}" if wanted else cleaned


def _as_git(pattern: str) -> str:
    return f"!/{pattern[1:]}" if pattern.startswith("!") else f"/{pattern}"
