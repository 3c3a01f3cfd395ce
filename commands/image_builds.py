"""``images build`` and ``images shell``, and the builds that ``test``, ``sbom`` and ``licences`` stand on."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from commands.failure import told
from commands.stack_files import StackOption, settings_of
from infra.stack_images import read_images
from local import files, image_run, layout_build
from local.layer_contents import LayerContents, contents, installed
from local.layout_build import LAYOUT, Builder, Built
from local.machine import Machine
from local.oci_layout import Layout, LayoutImage
from local.progress import Progress
from pipelines.build_plan import build_arguments, with_bases
from pipelines.image_lock import LOCK
from pipelines.images import IMAGES, Image
from pipelines.installed import Installed
from pipelines.provenance import Revision, Run, statement

ATTESTATIONS = Path("build/attestations")
TypeArgument = Annotated[str, typer.Argument(help="A folder below images/, such as cost-of-living or bases/task.")]
TypesArgument = Annotated[
    list[str] | None, typer.Argument(help="Folders below images/, such as cost-of-living; all where none is named.")
]
CacheOption = Annotated[
    bool,
    typer.Option("--cache", help="Take layers from build/cache, and leave them there: for machines that keep none."),
]


@dataclass(frozen=True)
class Workshop:
    """What builds: staged images, builder, layout. Make one with ``workshop``."""

    machine: Machine
    images: tuple[Image, ...]
    layout: Layout
    builder: Builder
    progress: Progress
    cached: bool = False
    _built: dict[str, Built] = field(default_factory=dict)
    _upstreams: dict[str, LayoutImage] = field(default_factory=dict)

    def image(self, name: str) -> Image:
        return next(image for image in self.images if image.name == name)

    def chain(self, name: str) -> tuple[Image, ...]:
        """The image and its bases, itself last."""
        return with_bases(self.images, [name])

    def build(self, name: str) -> LayoutImage:
        """The built image of the first platform; its bases are built before, and each has its provenance written."""
        references = {image.name: image.reference for image in self.images}
        for image in self.chain(name):
            if image.name in self._built:
                continue
            digests = {done: built.digest for done, built in self._built.items()}
            request = layout_build.request_of(image, references, digests)
            with self.progress.step(f"build {image.name}"):
                built = layout_build.build(
                    request, self.builder, self.machine, self.layout, self.progress.doing, self.cached
                )
            self._built[image.name] = built
            _attest(image, built, build_arguments(image, references), self.builder)
        return self.layout.image(self._built[name].digest, self.image(name).platforms[0])

    def digest(self, name: str) -> str:
        """Of what was built: the index where there are several platforms."""
        return self._built[name].digest

    def upstream(self, name: str) -> LayoutImage:
        """The image of others at the bottom of this one."""
        bottom = self.chain(name)[0]
        reference = bottom.upstream or ""
        if reference not in self._upstreams:
            with self.progress.step(f"read {reference}"):
                self._upstreams[reference] = layout_build.upstream(
                    reference, bottom.platforms, self.builder, self.machine, self.layout, self.progress.doing
                )
        return self._upstreams[reference]

    def own_layers(self, name: str) -> tuple[str, ...]:
        """The layers that our Dockerfiles made, those of the bases included."""
        return self.build(name).layers[len(self.upstream(name).layers) :]

    def contents(self, layers: Iterable[str], known: Mapping[str, bytes] | None = None) -> list[LayerContents]:
        return [contents(self.layout, layer, known or {}) for layer in layers]

    def installed(self, image: LayoutImage) -> Installed:
        return installed(self.contents(image.layers))


def workshop(stack: str, progress: Progress, cached: bool = False) -> Workshop:
    """Stages every image folder. Raises InputError for what is wrong in them, GaveUp where nothing can build."""
    machine = Machine.here()
    images = read_images(settings_of(stack))
    return Workshop(machine, images, Layout(LAYOUT), layout_build.choose(machine), progress, cached)


def build(
    types: Annotated[list[str], typer.Argument(help="Such as cost-of-living, or bases/task.")],
    stack: StackOption = "dev",
    cache: CacheOption = False,
) -> None:
    """Build images, and the bases that they stand on, into build/layout; nothing is pushed.

    A build of the same content gives the same digest as the stack's own build, which is the one that pushes. Beside
    the layout, build/attestations/<type>.provenance.json says what was built, from what, by what and when.

    A failure shows the failing step and its last 20 lines.

        python -m commands images build cost-of-living
    """
    with told():
        place = workshop(stack, Progress(), cache)
        for image in with_bases(place.images, types):
            built = place.build(image.name)
            typer.echo(f"{image.reference}@{place.digest(image.name)}  {built.size / 1e6:.0f} MB to pull")


def shell(
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="Such as cost-of-living, or bases/task.")],
    stack: StackOption = "dev",
    command: Annotated[str, typer.Option(help="The shell, or another program of the image.")] = "bash",
) -> None:
    """Build an image and open a shell in it, as its own user, with a network and a root file system to try things on.

    Nothing that is changed there stays. It needs a terminal.

        python -m commands images shell cost-of-living
    """
    with told():
        place = workshop(stack, Progress())
        with_bases(place.images, [type_])
        image = place.build(type_)
        trial = image_run.Trial(type_, (command,), network=True, interactive=True)
        outcome = image_run.run(image_run.choose(place.machine), place.machine, place.layout, image, trial)
        raise typer.Exit(outcome.exit_code)


def attestation(name: str, kind: str) -> Path:
    """Where what is told of an image lies: ``provenance``, or ``cdx`` for the bill of materials."""
    return ATTESTATIONS / f"{name.replace('/', '-')}.{kind}.json"


def keep(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, text)
    return path


def _attest(image: Image, built: Built, arguments: Mapping[str, str], builder: Builder) -> None:
    lock = image.context / LOCK
    sha256 = hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else None
    run = Run(_builder_id(builder), built.began, built.ended, revision())
    text = statement(image, built.digest, arguments, run, built.request.base, sha256)
    keep(attestation(image.name, "provenance"), text)


def _builder_id(builder: Builder) -> str:
    """https://docs.github.com/actions/reference/workflows-and-actions/variables"""
    server, repository, number = (os.environ.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    if server and repository and number:
        return f"{server}/{repository}/actions/runs/{number}"
    return f"urn:de-airflow-pipeline:builder:{builder}"


def revision() -> Revision | None:
    """Of the repository that holds the images, None where it is none. Its address is told without a log-in."""
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return None
    remote = _git("remote", "get-url", "origin") or "file:."
    scheme, separator, rest = remote.partition("://")
    address = f"{scheme}://{rest.rpartition('@')[2]}" if separator else remote
    return Revision(address, commit, _git("status", "--porcelain", "--", str(IMAGES)) == "")


def _git(*arguments: str) -> str | None:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None
