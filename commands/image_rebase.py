"""``images rebase``: images/bases stand on what pipelines/releases.py names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import typer

from commands.failure import told
from local.files import write
from pipelines.errors import InputError, Problem
from pipelines.image_dockerfile import DOCKERFILE
from pipelines.image_folder import PROJECT
from pipelines.images import IMAGES
from pipelines.releases import BASES

#: File of a base's folder -> the line that names what the base stands on.
PLACES = {
    PROJECT: re.compile(r'^upstream = "(?P<image>[^"\n]+)"$', re.MULTILINE),
    DOCKERFILE: re.compile(r"^ARG BASE_IMAGE=(?P<image>\S+)$", re.MULTILINE),
}


def rebase() -> None:
    """Have images/bases stand on the images that pipelines/releases.py names, after a version was changed there.

    It writes upstream in pyproject.toml and the default of BASE_IMAGE in the Dockerfile, and says what comes next:

        python -m commands images rebase
    """
    with told():
        changed = rebased(IMAGES, BASES)
        for path in changed:
            typer.echo(path.as_posix())
        typer.echo("next: images lock --inventory, then images lock" if changed else "nothing to do")


def rebased(images: Path, bases: Mapping[str, str]) -> list[Path]:
    """The files written. Raises InputError, and writes none, where a line to change is missing."""
    texts: dict[Path, tuple[str, str]] = {}
    problems = []
    for name, image in bases.items():
        for file, place in PLACES.items():
            path = images / name / file
            before = path.read_text() if path.exists() else ""
            found = list(place.finditer(before))
            if len(found) != 1:
                problem = "no such line" if not found else "several such lines"
                problems.append(Problem(path.as_posix(), "", problem, place.pattern.strip("^$"), "write one"))
                continue
            start, end = found[0].span("image")
            texts[path] = before, before[:start] + image + before[end:]
    if problems:
        raise InputError(problems)
    return [path for path, (before, after) in texts.items() if before != after and write(path, after)]
