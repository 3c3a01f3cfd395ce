"""The interpreter for a commit's program: this one, or one of a virtual environment with the commit's requirements."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from pipelines.errors import InputError, Problem

#: All of what a program runs with; the last but one is installed beside, as local/venv.sh does.
REQUIREMENTS = ("requirements.txt", "requirements-aws.txt", "requirements-dev.txt")
BESIDE, EVERYTHING = "requirements-aws.txt", "requirements-dev.txt"
#: Where infra/provider_packages.py looks for those.
PROVIDERS = "provider-packages"
READY = "ready"
KEPT = 3


def python_for(root: Path, cache: Path) -> str:
    """This interpreter where ``root`` has the requirements of the current folder.

    Else that of an environment below ``cache``, made once for those requirements. Raises InputError with what the
    installer says.
    """
    wanted = requirements(root)
    if wanted == requirements(Path()):
        return sys.executable
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"venv-{hashlib.sha256(wanted).hexdigest()[:16]}"
    # Two commits with the same requirements are planned at the same time.
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # One that was interrupted half-way is made anew.
        if not (folder / READY).exists():
            _make(folder, root)
    (folder / READY).touch()
    _forget_oldest(cache)
    return str((folder / "bin" / "python").absolute())


def requirements(root: Path) -> bytes:
    """What the files say, as one value to compare."""
    return b"\0".join((root / name).read_bytes() if (root / name).exists() else b"" for name in REQUIREMENTS)


def _make(folder: Path, root: Path) -> None:
    python = (folder / "bin" / "python").absolute()
    install: list[str | Path] = [Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", "--python", python]
    steps: list[tuple[str, list[str | Path]]] = [
        (EVERYTHING, [sys.executable, "-m", "venv", "--clear", folder.absolute()]),
        (EVERYTHING, [*install, "--requirement", EVERYTHING]),
    ]
    if (root / BESIDE).exists():
        target = folder.absolute() / PROVIDERS
        steps.append((BESIDE, [*install, "--no-deps", "--target", target, "--requirement", BESIDE]))
    for file, command in steps:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        if done.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            problem = (done.stderr or done.stdout).strip()[-2000:]
            raise InputError([Problem(file, "", problem, "requirements that can be installed", "see the message")])


def _forget_oldest(cache: Path) -> None:
    kept = sorted(cache.glob(f"venv-*/{READY}"), key=lambda path: path.stat().st_mtime, reverse=True)
    for ready in kept[KEPT:]:
        shutil.rmtree(ready.parent, ignore_errors=True)
