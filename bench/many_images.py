"""Keys and references of a thousand image folders, each with a lock and twenty files in all."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import in_turn
from bench.program import PROJECT
from bench.subject import Figures, Subject
from pipelines.lock_header import Requirements, with_header

FOLDERS, FILES = 1_000, 20
SECONDS, MEMORY = 2.0, 150_000_000
STACK_FILE = "Pulumi.dev.yaml"
MATRIX = [sys.executable, "-m", "commands", "images", "matrix"]
PIN = "certifi==2026.1.4"
LOCK = f"{PIN} \\\n    --hash=sha256:{'0' * 64}\n    # via type\n"
DOCKERFILE = """ARG BASE_IMAGE=python:3.13-slim-trixie
FROM ${BASE_IMAGE}
RUN --mount=type=bind,source=requirements.lock,target=/run/requirements.lock pip install -r /run/requirements.lock
COPY . /opt/task
USER 10001:10001
"""
PYPROJECT = f"""[project]
name = "type-%d"
version = "1.0.0"
requires-python = "==3.13.*"
dependencies = ["{PIN}"]

[tool.dag-image]
profile = "task"
upstream = "python:3.13-slim-trixie"
"""


def write_folders(images: Path) -> None:
    """A thousand folders below ``images/``, each of another content."""
    lock = with_header(Requirements((PIN,), "==3.13.*"), LOCK)
    for number in range(FOLDERS):
        folder = images / f"type-{number}"
        (folder / "src").mkdir(parents=True)
        for name, text in (("pyproject.toml", PYPROJECT % number), ("Dockerfile", DOCKERFILE)):
            (folder / name).write_text(text)
        (folder / "requirements.lock").write_text(lock)
        for position in range(FILES - 3):
            (folder / "src" / f"module_{position}.py").write_text(f"NUMBER = {number} + {position}\n" * 40)


def measure(runs: int = 5) -> Figures:
    """Wall seconds and peak memory of whole processes, from a warm page cache: the keys, and `images matrix`."""
    os.environ["PYTHONPATH"] = str(PROJECT)
    with TemporaryDirectory() as folder:
        write_folders(Path(folder) / "images")
        shutil.copy(PROJECT / STACK_FILE, folder)
        commands = {
            "keys": [sys.executable, "-m", "bench.many_images_run", f"{folder}/images"],
            "images matrix": ["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", folder, *MATRIX],
        }
        return {name: figure.to_json() for name, figure in in_turn(commands, runs).items()}


def table(figures: Figures) -> list[str]:
    lines = [f"## {FOLDERS:,} image folders of {FILES} files", ""]
    lines += ["| | seconds | CPU seconds | peak MB |", "| --- | ---: | ---: | ---: |"]
    for name, one in figures.items():
        lines.append(f"| {name} | {one['seconds']:.2f} | {one['cpu_seconds']:.2f} | {one['peak_memory'] / 1e6:.0f} |")
    return [*lines, f"| at most | {SECONDS} | | {MEMORY / 1e6:.0f} |"]


SUBJECT = Subject("folders", "many images", f"keys and matrix of {FOLDERS:,} images", measure, table)
