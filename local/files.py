"""Files that are either whole or absent, with the mode they need whatever the caller's umask is."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO


def folder(path: Path, mode: int = 0o755) -> Path:
    """Make ``path`` and its parents; ``mode`` holds for ``path`` itself."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
    return path


def write(path: Path, content: str | bytes, mode: int = 0o644) -> bool:
    """Write by renaming; False, and nothing touched, where the file already is what it should be."""
    data = content.encode() if isinstance(content, str) else content
    with contextlib.suppress(FileNotFoundError):
        if path.read_bytes() == data and stat.S_IMODE(path.stat().st_mode) == mode:
            return False
    partial = path.with_name(f".{path.name}.partial")
    # A secret must at no time be readable by others, not even before the chmod.
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    partial.chmod(mode)
    partial.replace(path)
    return True


def remove(path: Path) -> None:
    """Remove a file or a tree; Go's module cache is read-only even for its owner."""

    def unlock(function: object, name: str, error: object) -> None:
        parent = Path(name).parent
        if not parent.exists():
            return
        parent.chmod(0o700)
        with contextlib.suppress(FileNotFoundError):
            if Path(name).is_dir() and not Path(name).is_symlink():
                Path(name).chmod(0o700)
                shutil.rmtree(name, onerror=unlock)
            else:
                Path(name).unlink()

    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, onerror=unlock)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[str], None] = lambda holder: None) -> Iterator[None]:
    """Hold an exclusive lock; ``waiting`` is called with who holds it if another does, as in ``process 12 (local up)``.

    The kernel releases it when its holder dies. The holder may remove the file: who waited then makes it anew.
    """
    while True:
        with _opened(path) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting(_holder(path))
                fcntl.flock(file, fcntl.LOCK_EX)
            if not _is_at(file, path):
                continue
            file.truncate(0)
            file.write(f"process {os.getpid()} ({' '.join(sys.argv[1:])})")
            file.flush()
            yield
            return


def _opened(path: Path) -> TextIO:
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Whoever removed the lock may be about to remove its folder.
        with contextlib.suppress(FileNotFoundError):
            return path.open("a")


def _is_at(file: TextIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _holder(path: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        return path.read_text() or "another process"
    return "another process"
