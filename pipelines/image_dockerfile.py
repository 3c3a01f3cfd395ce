"""Whether a Dockerfile takes in images that no content key knows: each must be BASE_IMAGE or an earlier stage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pipelines.errors import Problem

DOCKERFILE = "Dockerfile"
BASE_IMAGE = ("${BASE_IMAGE}", "$BASE_IMAGE", '"${BASE_IMAGE}"')
FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(?P<image>\S+)(?:\s+AS\s+(?P<stage>\S+))?\s*$", re.IGNORECASE)
COPY_FROM = re.compile(r"^\s*(?:ONBUILD\s+)?COPY\s+(?:--\S+\s+)*?--from=(\S+)", re.IGNORECASE)
RUN = re.compile(r"^\s*(?:ONBUILD\s+)?RUN\s", re.IGNORECASE)
MOUNT_FROM = re.compile(r"\s--mount=\S*?\bfrom=([^\s,]+)")
# https://docs.docker.com/reference/dockerfile/#syntax: it names the image that reads the rest of the file.
SYNTAX = re.compile(r"^(?:#|//)\s*syntax\s*=\s*(\S+)", re.IGNORECASE)
COMMENT = re.compile(r"^\s*#.*\n", re.MULTILINE)
CONTINUED = re.compile(r"\\[ \t]*\n")


def dockerfile_problems(folder: Path, shown_as: str) -> list[Problem]:
    """All of them, and that there is no Dockerfile in the folder, or none that stands on BASE_IMAGE."""
    file, expected = f"{shown_as}/{DOCKERFILE}", "ARG BASE_IMAGE, FROM ${BASE_IMAGE}"
    try:
        text = (folder / DOCKERFILE).read_text()
    except FileNotFoundError:
        return [Problem(file, "", "no such file", expected, f"write {DOCKERFILE}")]
    except UnicodeDecodeError as error:
        return [Problem(file, "", str(error), "UTF-8", "correct it")]
    problems = [
        Problem(file, "syntax", found[1], "the builder's own syntax", "remove the line")
        for found in map(SYNTAX.match, _directives(text))
        if found
    ]
    stages, stands = ["scratch"], False
    for line in CONTINUED.sub(" ", COMMENT.sub("", f"{text}\n")).split("\n"):
        for key, image in _images(line):
            known = image in BASE_IMAGE or image.lower() in stages or (key != "FROM" and image.isdecimal())
            if not known:
                fix = "name the image as upstream or base in pyproject.toml"
                problems.append(Problem(file, key, image, "${BASE_IMAGE} or an earlier stage", fix))
        if found := FROM.match(line):
            stands = stands or found["image"] in BASE_IMAGE
            stages.append((found["stage"] or "").lower())
    if not stands and not problems:
        problems.append(Problem(file, "FROM", "no FROM ${BASE_IMAGE}", expected, "add them"))
    return problems


def _directives(text: str) -> Iterator[str]:
    """The comments that a Dockerfile begins with: the only ones that mean something."""
    for line in text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}").split("\n"):
        if not line.startswith(("#", "//")):
            return
        yield line


def _images(line: str) -> Iterator[tuple[str, str]]:
    """(instruction, image or stage) of what one instruction takes in."""
    if found := FROM.match(line):
        yield "FROM", found["image"]
    elif found := COPY_FROM.match(line):
        yield "COPY --from", found[1]
    elif RUN.match(line):
        yield from (("RUN --mount", image.strip("\"'")) for image in MOUNT_FROM.findall(line))
