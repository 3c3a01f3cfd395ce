"""The files of a commit in a folder of their own, gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipelines.errors import InputError, Problem


@contextmanager
def work_tree(commit: str) -> Iterator[Path]:
    """A work tree of git's own: what runs there finds its commit. No hook runs. Raises InputError with git's words."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "tree"
        quiet = ["-c", "core.hooksPath=/dev/null", "worktree", "add", "--detach", "--force"]
        _git([*quiet, str(root), commit])
        try:
            yield root
        finally:
            _git(["worktree", "remove", "--force", str(root)], check=False)


@contextmanager
def files_of(commit: str) -> Iterator[Path]:
    """The files alone, in half of the time, with the byte code of modules that the current folder has too.

    The repository learns nothing of it: what is killed leaves it no trace. No hook runs. Raises InputError with git's
    words.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "tree"
        root.mkdir()
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _git(["read-tree", commit], index)
        _git(["checkout-index", "--all", f"--prefix={root}/"], index)
        share_bytecode(Path(), root)
        yield root


def share_bytecode(here: Path, there: Path) -> None:
    """Give modules that are the same in both folders the byte code that ``here`` has of them.

    Python takes it where size and time of the source are as it noted them: those that are the same get the same time.
    """
    for other in there.rglob("*.py"):
        module = here / other.relative_to(there)
        kept = _byte_code(module)
        if kept.is_file() and not other.is_symlink() and module.is_file() and module.read_bytes() == other.read_bytes():
            seen = module.stat()
            os.utime(other, ns=(seen.st_atime_ns, seen.st_mtime_ns))
            _byte_code(other).parent.mkdir(exist_ok=True)
            shutil.copyfile(kept, _byte_code(other))


def _byte_code(module: Path) -> Path:
    return module.parent / "__pycache__" / f"{module.stem}.{sys.implementation.cache_tag}.pyc"


def _git(arguments: Sequence[str], environment: Mapping[str, str] | None = None, *, check: bool = True) -> None:
    given = {**os.environ, **(environment or {})}
    done = subprocess.run(["git", *arguments], env=given, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise InputError([Problem("BASE", "", done.stderr.strip(), "a commit to check out", "see git's message")])
