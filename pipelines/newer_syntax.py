"""Whether what this Python cannot parse is Python all the same, of the images' release."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pipelines.releases import PYTHON

SECONDS = 10


def is_newer(content: bytes) -> bool:
    """Whether it parses with the release's syntax; asked of ruff, which knows them all.

    False where this Python knows that syntax itself, and where ruff is not in its environment.
    """
    ruff = Path(sys.executable).with_name("ruff")
    if sys.version_info >= tuple(map(int, PYTHON.split("."))) or not ruff.is_file():
        return False
    target = f"py{PYTHON.replace('.', '')}"
    command = [str(ruff), "check", "--isolated", "--quiet", "--no-cache", "--select", "E9", "--target-version", target]
    try:
        done = subprocess.run([*command, "-"], input=content, capture_output=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
