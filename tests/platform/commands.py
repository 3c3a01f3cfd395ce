"""Runs the project's commands as a user does, in this clone or in another."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
COUNTS = re.compile(r"(\d+) images built; objects: (\d+) created, (\d+) changed, (\d+) deleted, (\d+) unchanged")


@dataclass(frozen=True)
class Finished:
    """A command that has ended; ``output`` is what it printed on both streams."""

    status: int
    output: str
    seconds: float

    @property
    def counts(self) -> tuple[int, ...]:
        """Images built; objects created, changed, deleted, unchanged."""
        found = COUNTS.search(self.output)
        assert found, self.output
        return tuple(int(number) for number in found.groups())


def run(*command: str, clone: Path = ROOT, environment: Mapping[str, str] | None = None) -> Finished:
    """``python -m commands ...`` in a clone; never raises on a failure of the command."""
    return ended([sys.executable, "-m", "commands", *command], clone, {**os.environ, **(environment or {})})


def ended(command: Sequence[str], folder: Path, environment: Mapping[str, str], text: str = "") -> Finished:
    """Any command, with ``text`` on its standard input; as ``run``."""
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=folder, env=environment, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False,
    )  # fmt: skip
    return Finished(done.returncode, done.stdout, time.monotonic() - began)


def clone_of(root: Path, target: Path) -> Path:
    """A clone with the working tree's present content, committed or not, made under umask 077."""
    tracked = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(tracked, cwd=root, capture_output=True, check=True).stdout.decode().split("\0")
    before = os.umask(0o077)
    try:
        for name in sorted(filter(None, names), reverse=True):
            source, copy = root / name, target / name
            if not source.is_file():
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source.read_bytes())
            if source.stat().st_mode & 0o100:
                copy.chmod(0o700)
        # Pulumi's Python host looks for the environment in the project's folder.
        (target / ".venv").symlink_to(root / ".venv")
    finally:
        os.umask(before)
    return target
