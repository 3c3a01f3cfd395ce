"""Whether a Dockerfile takes in images that no content key knows: each must be BASE_IMAGE or an earlier stage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import Problem

DOCKERFILE = "Dockerfile"
BASE_IMAGE = ("${BASE_IMAGE}", "$BASE_IMAGE", '"${BASE_IMAGE}"')
FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(?P<image>\S+)(?:\s+AS\s+(?P<stage>\S+))?\s*$", re.IGNORECASE)
ARG = re.compile(r"^\s*ARG\s+BASE_IMAGE(?:=(?P<quote>[\"']?)(?P<image>[^\s\"']+)(?P=quote))?\s*$", re.IGNORECASE)
COPY_FROM = re.compile(r"^\s*(?:ONBUILD\s+)?COPY\s+(?:--\S+\s+)*?--from=(\S+)", re.IGNORECASE)
RUN = re.compile(r"^\s*(?:ONBUILD\s+)?RUN\s", re.IGNORECASE)
MOUNT_FROM = re.compile(r"\s--mount=\S*?\bfrom=([^\s,]+)")
# https://docs.docker.com/reference/dockerfile/#syntax: it names the image that reads the rest of the file.
SYNTAX = re.compile(r"^(?:#|//)\s*syntax\s*=\s*(\S+)", re.IGNORECASE)
COMMENT = re.compile(r"^\s*#.*\n", re.MULTILINE)
CONTINUED = re.compile(r"\\[ \t]*\n")


@dataclass(frozen=True)
class Dockerfile:
    """``default`` is what BASE_IMAGE is where no build argument says it, None where that is not said."""

    default: str | None
    lines: tuple[str, ...]
    syntax: tuple[str, ...]

    def foreign_images(self, shown_as: str, contexts: frozenset[str] = frozenset()) -> list[Problem]:
        """Images that are neither BASE_IMAGE nor an earlier stage nor one of the named ``contexts``."""
        file = f"{shown_as}/{DOCKERFILE}"
        problems = [
            Problem(file, "syntax", found, "the builder's own syntax", "remove the line") for found in self.syntax
        ]
        stages, stands = ["scratch"], False
        for line in self.lines:
            for key, image in _images(line):
                known = image in BASE_IMAGE or image.lower() in stages or (key != "FROM" and image.isdecimal())
                if not known and (key == "FROM" or image not in contexts):
                    fix = "name the image as upstream or base in pyproject.toml"
                    problems.append(Problem(file, key, image, "${BASE_IMAGE} or an earlier stage", fix))
            if found := FROM.match(line):
                stands = stands or found["image"] in BASE_IMAGE
                stages.append((found["stage"] or "").lower())
        if not stands and not problems:
            problems.append(Problem(file, "FROM", "no FROM ${BASE_IMAGE}", EXPECTED, "add them"))
        return problems


EXPECTED = "ARG BASE_IMAGE, FROM ${BASE_IMAGE}"


def read_dockerfile(folder: Path, shown_as: str) -> tuple[Dockerfile | None, list[Problem]]:
    """The Dockerfile in a folder, or why there is none."""
    file = f"{shown_as}/{DOCKERFILE}"
    try:
        text = (folder / DOCKERFILE).read_text()
    except FileNotFoundError:
        return None, [Problem(file, "", "no such file", EXPECTED, f"write {DOCKERFILE}")]
    except UnicodeDecodeError as error:
        return None, [Problem(file, "", str(error), "UTF-8", "correct it")]
    lines = tuple(CONTINUED.sub(" ", COMMENT.sub("", f"{text}\n")).split("\n"))
    default = next((found["image"] for found in map(ARG.match, lines) if found), None)
    syntax = tuple(found[1] for found in map(SYNTAX.match, _directives(text)) if found)
    return Dockerfile(default, lines, syntax), []


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
