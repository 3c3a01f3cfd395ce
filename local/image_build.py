"""Builds one image as ``docker_build.Image`` would, by BuildKit's own client."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from local import build_log
from local.machine import Machine
from local.waiting import GaveUp


def build(inputs: Mapping[str, Any], machine: Machine, say: Callable[[str], None]) -> None:
    """Build and push what the inputs of a ``docker-build:index:Image`` describe.

    Raises GaveUp with the failing step and its last lines.
    """
    command = [str(machine.tool("buildctl")), "--addr", machine.buildkit_address, "build", *arguments(inputs)]
    reference = inputs["tags"][0]
    name = reference.rpartition("/")[2]
    if failure := build_log.run(command, machine.environment(), lambda step: say(f"{name}: {step}")):
        raise GaveUp(f"the build of {reference} failed:\n{failure}")


def arguments(inputs: Mapping[str, Any]) -> Iterator[str]:
    """The arguments of ``buildctl build``; raises GaveUp on an input that it would have to ignore."""
    unknown = sorted(key for key, value in inputs.items() if key not in KNOWN and value != DEFAULTS.get(key))
    if unknown:
        raise GaveUp(f"direct apply cannot build with {', '.join(unknown)}: apply with APPLY=pulumi")
    context = inputs["context"]["location"]
    dockerfile = inputs.get("dockerfile", {}).get("location", f"{context}/Dockerfile")
    folder, _, name = dockerfile.rpartition("/")
    yield from ("--frontend", "dockerfile.v0", "--progress", "plain")
    yield from ("--local", f"context={context}", "--local", f"dockerfile={folder or '.'}", "--opt", f"filename={name}")
    for name, named in sorted((inputs["context"].get("named") or {}).items()):
        yield from ("--local", f"{name}={named['location']}", "--opt", f"context:{name}=local:{name}")
    if platforms := inputs.get("platforms"):
        yield from ("--opt", f"platform={','.join(platforms)}")
    if target := inputs.get("target"):
        yield from ("--opt", f"target={target}")
    for group, option in (("buildArgs", "build-arg"), ("labels", "label")):
        for key, value in sorted(inputs.get(group, {}).items()):
            yield from ("--opt", f"{option}:{key}={value}")
    names = ",".join(inputs["tags"])
    for export in inputs["exports"]:
        yield from ("--output", f'{export["raw"]},"name={names}"')


# What the SDK adds by itself.
DEFAULTS = {"network": "default"}
# What changes nothing in the image, and what is translated above.
KNOWN = frozenset(
    {
        "buildOnPreview", "builder", "push", "load", "exec", "pull", "noCache",
        "buildArgs", "context", "dockerfile", "exports", "labels", "platforms", "tags", "target",
    }
)  # fmt: skip
