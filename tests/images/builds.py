"""Builds of single folders by BuildKit's own client, and what it reports of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from local.machine import Machine
from pipelines.images import EVERY_BUILD

#: An instruction that makes something; FROM is looked up anew each time.
STEP = re.compile(r"\[(?!internal\])[^]]*\] (?!FROM )(.+)", re.DOTALL)


def build(
    machine: Machine,
    context: Path,
    *options: str,
    output: str | None = None,
    contexts: Mapping[str, Path] = MappingProxyType({}),
) -> Mapping[str, bool]:
    """Build a folder; instruction -> whether it came from the cache, as BuildKit reports it."""
    command = [
        *(str(machine.tool("buildctl")), "--addr", machine.buildkit_address, "build", "--progress", "rawjson"),
        *("--frontend", "dockerfile.v0", "--local", f"context={context}", "--local", f"dockerfile={context}"),
        *(part for name, path in contexts.items() for part in ("--local", f"{name}={path}")),
        *(part for option in options for part in ("--opt", option)),
        *(("--output", output) if output else ()),
    ]
    environment = {**os.environ, **machine.environment()}
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return steps(done.stderr)


def steps(report: str) -> dict[str, bool]:
    """The Dockerfile's instructions in a report of ``--progress rawjson``."""
    found: dict[str, bool] = {}
    for line in filter(None, report.splitlines()):
        for vertex in json.loads(line).get("vertexes") or ():
            if (step := STEP.match(vertex["name"])) and vertex.get("completed"):
                found[step[1]] = found.get(step[1], False) or bool(vertex.get("cached"))
    return found


def one(found: Mapping[str, bool], words: str) -> bool:
    """Whether the one instruction with these words came from the cache."""
    [cached] = [cached for instruction, cached in found.items() if words in instruction]
    return cached


def arguments(**given: str) -> list[str]:
    return [f"build-arg:{name}={value}" for name, value in {**EVERY_BUILD, **given}.items()]
