"""Interpreters of other versions that this machine may have."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path


def python_of(version: str) -> str | None:
    """An interpreter of pyenv, or on PATH; pyenv's own there runs only where its version is chosen."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = [*map(str, sorted(versions.glob(f"{version}.*/bin/python{version}"))), shutil.which(f"python{version}")]
    runs = (path for path in found if path and subprocess.run([path, "-c", ""], check=False).returncode == 0)
    return next(runs, None)
