"""Resolving ``requirements.lock`` of an image folder."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from uv import find_uv_bin

from local.files import write
from local.machine import Machine
from pipelines.errors import InputError, Problem
from pipelines.image_folder import PROJECT, ImageFolder, read_folder, requirements_of
from pipelines.image_lock import LOCK, parse_lock
from pipelines.lock_header import with_header

# The images are glibc images; wheels older than this need nothing newer.
WHEELS_FOR = {"linux/amd64": "x86_64-manylinux_2_28", "linux/arm64": "aarch64-manylinux_2_28"}
#: What the release's own image holds: a worker image's lock may neither change nor repeat it.
RELEASE = Path("local") / "mirror" / "airflow" / LOCK


def lock(images: Path, name: str) -> Path:
    """Resolves the folder's pins with hashes, wheels only, keeping the versions that the present lock has.

    Returns the lock's path. Raises InputError when the folder cannot be read, or its dependencies do not resolve.
    """
    shown_as = f"{images.name}/{name}"
    folder, problems = read_folder(images, name, shown_as)
    about_lock = f"{shown_as}/{LOCK}"
    told_first = [problem for problem in problems if not problem.file.startswith(about_lock)]
    if folder is None or told_first:
        raise InputError(told_first)
    path = folder.folder / LOCK
    resolved = _resolve(folder, path)
    write(path, with_header(requirements_of(folder.project, folder.table), resolved))
    return path


def _resolve(folder: ImageFolder, path: Path) -> str:
    command = [
        *(find_uv_bin(), "pip", "compile", folder.file, "--quiet", "--no-header", "--generate-hashes"),
        *("--only-binary", ":all:", "--python-version", _python(folder)),
        *("--python-platform", WHEELS_FOR.get(folder.table.platforms[0], "linux")),
    ]
    if folder.table.profile == "worker":
        command += ["--constraint", str(RELEASE)]
        for package in parse_lock(RELEASE.read_text()).packages:
            command += ["--no-emit-package", package.name]
    with TemporaryDirectory() as scratch:
        output = Path(scratch) / LOCK
        if path.is_file():
            # The resolver keeps the versions of the file that it writes, as far as they still fit.
            output.write_text(path.read_text())
        result = subprocess.run(
            [*command, "--output-file", str(output)],
            # Below our own cache, which `make purge` removes.
            env={**os.environ, "UV_CACHE_DIR": str(Machine.here().cache / "uv")},
            text=True,
            capture_output=True,
            check=False,
        )
        if result.returncode == 0:
            return output.read_text()
    found = " ".join(result.stderr.split())
    expected, fix = "pins that resolve together, each with a wheel", "change the pins that the resolver names"
    raise InputError([Problem(folder.file, "project.dependencies", found, expected, fix)])


def _python(folder: ImageFolder) -> str:
    digits = folder.project.requires_python.removeprefix("==").removesuffix(".*")
    if digits.count(".") == 1 and digits.replace(".", "").isdigit():
        return digits
    expected = 'one minor version, such as "==3.13.*"'
    raise InputError([Problem(folder.file, "project.requires-python", digits, expected, f"correct {PROJECT}")])
