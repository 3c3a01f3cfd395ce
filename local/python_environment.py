"""Python environments that are made once, kept in the user's cache and keyed by what they hold."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from local.machine import Machine
from local.progress import Progress


def kept(
    name: str, holds: Sequence[str], installs: Sequence[Sequence[str]], doing: str, python: str = sys.executable
) -> Path:
    """The interpreter of the environment below the cache's folder ``name``.

    Made anew where ``holds``, or the Python that it is of, is another than before: each of ``installs`` is what one
    ``uv pip install`` is given. Raises RuntimeError with uv's words when that fails.
    """
    base = Machine.here().cache / name
    version = sys.version if python == sys.executable else python
    folder = base / hashlib.sha256("\n".join((*holds, version)).encode()).hexdigest()[:16]
    base.mkdir(parents=True, exist_ok=True)
    with (base / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            for old in base.iterdir():
                if old.is_dir():
                    shutil.rmtree(old)
            with Progress(sys.stderr).step(doing):
                _make(folder, installs, python)
            (folder / "ready").touch()
    return folder / "bin/python"


def python_of(version: str) -> str | None:
    """An interpreter of pyenv, or on PATH; pyenv's own there runs only where its version is chosen."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = [*map(str, sorted(versions.glob(f"{version}.*/bin/python{version}"))), shutil.which(f"python{version}")]
    runs = (path for path in found if path and subprocess.run([path, "-c", ""], check=False).returncode == 0)
    return next(runs, None)


def _make(folder: Path, installs: Sequence[Sequence[str]], python: str) -> None:
    uv = Path(sys.executable).with_name("uv")
    environment = {**os.environ, "UV_CACHE_DIR": str(Machine.here().cache / "uv")}
    install = ["pip", "install", "--quiet", "--python", str(folder / "bin/python")]
    venv = ["venv", "--quiet", "--python", python, str(folder)]
    for arguments in (venv, *([*install, *packages] for packages in installs)):
        done = subprocess.run([str(uv), *arguments], env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"uv {arguments[0]} failed: {done.stderr.strip()}")
