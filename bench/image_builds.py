"""A cold build of all images that stacks build, by ``images build`` and by plain ``buildctl build`` of the folders.

Each side has an empty BuildKit of its own; they take turns image by image, so that machine and network are the same for
both. Both export alike, so the peer lacks only what this project adds: keys, staging, the log's reading, attestations.
Since both begin with nothing, an image whose two digests are the same is what its folder says and nothing else.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bench.own_builder import OwnBuilder, own_builder
from bench.program import PROJECT
from bench.subject import Figures, Subject
from commands.image_builds import Workshop
from commands.stack_files import settings_of
from infra.stack_images import read_images
from local.layout_build import Request, buildctl
from local.machine import Machine
from local.oci_layout import Layout
from local.progress import Progress
from pipelines.build_plan import build_arguments
from pipelines.images import IMAGES, Image, in_use

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LIMIT = 1.15
#: Load average of a quarter of an hour, above which the machine was not the benchmark's alone.
BUSY = 6
OURS, PLAIN = "images build", "buildctl build"


class Peer:
    """Plain ``buildctl build`` of the folder as it lies there, with the image's own arguments."""

    def __init__(self, machine: Machine, layout: Layout, images: tuple[Image, ...]) -> None:
        self._machine, self._layout = machine, layout
        self._references = {image.name: image.reference for image in images}
        self.digests: dict[str, str] = {}

    def build(self, image: Image) -> None:
        self._layout.folder.mkdir(parents=True, exist_ok=True)
        base = (self._references[image.base], self.digests[image.base]) if image.base else None
        contexts = {name: IMAGES / path for name, path in zip(image.contexts, image.shared, strict=True)}
        request = Request(
            image.name,
            image.reference,
            IMAGES / image.name,
            build_arguments(image, self._references),
            image.platforms,
            contexts,
            base,
        )
        metadata = self._layout.folder.parent / "metadata.json"
        command = [*buildctl(request, self._machine, self._layout, metadata)]
        done = subprocess.run(
            command, env={**os.environ, **self._machine.environment()}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"the plain build of {image.name} failed:\n{done.stderr[-3000:]}")
        self.digests[image.name] = json.loads(metadata.read_text())["containerimage.digest"]


def measure(runs: int = 1) -> Figures:
    """Once, whatever ``runs``: seconds and CPU seconds of each image by side, and whether the digests agree."""
    del runs
    os.chdir(PROJECT)
    machine = Machine.here()
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/var/tmp") as scratch:
        folder = Path(scratch)
        with own_builder(machine, folder / "ours") as ours, own_builder(machine, folder / "plain") as plain:
            return _both(folder, ours, plain)


def _both(folder: Path, ours: OwnBuilder, plain: OwnBuilder) -> Figures:
    began = time.monotonic()
    images = in_use(read_images(settings_of("dev")))
    staging = time.monotonic() - began
    place = Workshop(ours.machine, images, Layout(folder / "layout-ours"), "buildctl", Progress())
    peer = Peer(plain.machine, Layout(folder / "layout-plain"), images)
    found: dict[str, dict[str, object]] = {}
    for number, image in enumerate(images):
        turns = [
            (OURS, ours, lambda image=image: place.build(image.name)),
            (PLAIN, plain, lambda image=image: peer.build(image)),
        ]
        seconds = {name: _timed(builder, do) for name, builder, do in (turns if number % 2 else turns[::-1])}
        digests = {OURS: place.digest(image.name), PLAIN: peer.digests[image.name]}
        found[image.name] = {"digests": digests, **seconds}
    return {"staging seconds": staging, "images": found, "load": os.getloadavg()[2]}


def _timed(builder: OwnBuilder, build: Callable[[], object]) -> dict[str, float]:
    began, cpu = time.monotonic(), builder.cpu_seconds()
    build()
    return {"seconds": time.monotonic() - began, "cpu_seconds": builder.cpu_seconds() - cpu}


def totals(figures: Figures, unit: str = "seconds") -> dict[str, float]:
    """Side -> seconds of all images; ours with the staging."""
    sums = {side: sum(one[side][unit] for one in figures["images"].values()) for side in (OURS, PLAIN)}
    return {**sums, OURS: sums[OURS] + figures["staging seconds"]}


def table(figures: Figures) -> list[str]:
    wall, cpu = totals(figures), totals(figures, "cpu_seconds")
    lines = ["## Cold build of every image, against plain `buildctl build`", ""]
    lines += ["| image | ours, s | plain, s | ours, CPU s | plain, CPU s | the two digests |"]
    lines += ["| --- | ---: | ---: | ---: | ---: | --- |"]
    for name, one in figures["images"].items():
        times = [f"{one[side][unit]:.1f}" for unit in ("seconds", "cpu_seconds") for side in (OURS, PLAIN)]
        same = "the same" if len({*one["digests"].values()}) == 1 else "**differ**"
        lines.append(f"| {name} | {' | '.join(times)} | {same} |")
    sums = [f"{found[side]:.1f}" for found in (wall, cpu) for side in (OURS, PLAIN)]
    lines.append(f"| all, with staging | {' | '.join(sums)} | |")
    ratio, of_cpu = wall[OURS] / wall[PLAIN], cpu[OURS] / cpu[PLAIN]
    lines += ["", f"{ratio:.2f} x plain `buildctl build`, at most {LIMIT}; {of_cpu:.2f} x its CPU seconds."]
    if figures["load"] > BUSY:
        lines[-1] += f" Others kept the machine busy meanwhile (load {figures['load']:.0f}): its seconds say little."
    return lines


def draw(axes: Axes, figures: Figures) -> None:
    names = list(figures["images"])
    for offset, side in ((-0.2, OURS), (0.2, PLAIN)):
        seconds = [figures["images"][name][side]["seconds"] for name in names]
        axes.barh([row + offset for row in range(len(names))], seconds, height=0.4, label=side)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set(title="Cold build", xlabel="seconds")
    axes.legend()


SUBJECT = Subject(
    "builds",
    "image builds",
    "a cold build of every image, twice",
    measure,
    table,
    draw,
    needs="root, the mirror of the running platform, and some twenty minutes",
)
