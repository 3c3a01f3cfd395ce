"""``stacks promote``: the images that one stack has tried, for another stack to run."""

from __future__ import annotations

import getpass
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from commands.failure import told
from commands.stack_files import settings_of
from commands.tables import show
from infra import promotion
from infra.promotion import PromotedImage, Promotion
from infra.settings import Settings
from infra.stack_images import read_images
from local import registry_log_in
from local.files import write
from local.machine import Machine
from local.progress import Progress
from pipelines.errors import InputError, Problem
from pipelines.images import Image, Repository
from registry.contents import Contents
from registry.copying import Copier
from registry.errors import RegistryError
from registry.reference import Reference
from registry.stand_ins import promotion_problems


@dataclass(frozen=True)
class Plan:
    """One image to be promoted: where it is, under which digest, and where it goes."""

    name: str
    source: str
    digest: str
    target: str

    @property
    def pinned(self) -> str:
        parsed = Reference.parse(self.source)
        return f"{parsed.server}/{parsed.repository}@{self.digest}"


def promote(
    source: Annotated[str, typer.Argument(metavar="FROM", help="The stack whose images were tried.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The stack that is to run them: images.mode promote.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be copied; copy and write nothing.")
    ] = False,
) -> None:
    """Copy the images of FROM to the registry of TO, digest for digest, and write promotions/<TO>.yaml.

    Nothing is built. Attestations and signatures go along; what the registry of TO has already is not sent again, so
    that the same command goes on where it was broken off. TO runs the images when the file is merged and `pulumi up`
    has run: the pull request shows every digest. Images that stand on a stand-in never leave this machine's registry.

        python -m commands stacks promote staging prod
    """
    with told():
        machine, root = Machine.here(), Path()
        path = promotion.path_of(target)
        giving, taking = settings_of(source), settings_of(target)
        _check(source, target, taking)
        images = [image for image in read_images(giving, root, stage=False) if image.dag_types]
        with (
            opened(machine, giving) as origin,
            opened(machine, taking) as registry,
        ):
            plans = _plans(origin, images, giving, taking, root)
            show(
                ("Image", "Digest", "From", "To"),
                [(one.name, one.digest[:19], one.source, one.target) for one in plans],
            )
            if dry_run:
                return
            _copy(origin, registry, plans)
        written = written_down(source, _base_digests(giving, root), plans, _before(root, path))
        path.parent.mkdir(exist_ok=True)
        changed = write(path, written.text())
        typer.echo(f"{path}: {'written; commit it, and open a pull request' if changed else 'unchanged'}")


def written_down(
    source: str, base_digests: Mapping[str, str], plans: list[Plan], before: Promotion | None
) -> Promotion:
    """What the file is to say. Who promoted an image, and when, stays as it is where nothing else has changed."""
    by, when = _who(), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    images = {}
    for one in plans:
        known = before.images.get(one.name) if before else None
        same = known and (known.reference, known.digest, known.source) == (one.target, one.digest, one.source)
        images[one.name] = (
            known
            if known and same
            else PromotedImage.model_validate(
                {"reference": one.target, "digest": one.digest, "from": one.source, "by": by, "when": when}
            )
        )
    return Promotion.model_validate({"from": source, "baseDigests": dict(base_digests), "images": images})


def _check(source: str, target: str, taking: Settings) -> None:
    file = f"Pulumi.{target}.yaml"
    if source == target:
        raise InputError([Problem(file, "", f"{source} twice", "two stacks", "name the stack that was tried first")])
    if taking.images.mode != "promote":
        fix = f"pulumi config set --stack {target} --path images.mode promote"
        raise InputError([Problem(file, "images.mode", taking.images.mode, "promote", fix)])


def opened(machine: Machine, settings: Settings) -> Contents:
    server = settings.registry.server
    return Contents(
        server, registry_log_in.of_machine(machine, server).credentials(), authority=settings.registry.authority
    )


def _plans(origin: Contents, images: list[Image], giving: Settings, taking: Settings, root: Path) -> list[Plan]:
    known = _promoted(giving, images, root)
    there = Repository(taking.registry.server, taking.registry.owner, taking.registry.prefix)
    plans, problems = [], []
    for image in images:
        digest = known.get(image.name) if known is not None else origin.digest(image.reference)
        if digest is None:
            fix = "pulumi up the stack that builds it, from this very commit"
            problems.append(Problem(image.reference, "", "no such image", "an image that was built and tried", fix))
            continue
        target = there.reference(image.name, Reference.parse(image.reference).manifest)
        plans.append(Plan(image.name, image.reference, digest, target))
    problems += promotion_problems(origin, [one.pinned for one in plans], taking.registry.server)
    if problems:
        raise InputError(problems)
    return plans


def _promoted(giving: Settings, images: list[Image], root: Path) -> Mapping[str, str] | None:
    """Of a stack that builds none itself: what it runs."""
    if not giving.images.promotion:
        return None
    path = Path(giving.images.promotion)
    return promotion.digests(promotion.read(root, path), path, images)


def _base_digests(giving: Settings, root: Path) -> Mapping[str, str]:
    if giving.images.promotion:
        return promotion.read(root, Path(giving.images.promotion)).base_digests
    return giving.images.base_digests


def _before(root: Path, path: Path) -> Promotion | None:
    try:
        return promotion.read(root, path)
    except InputError:
        return None  # written anew, whatever it was


def _copy(origin: Contents, registry: Contents, plans: list[Plan]) -> None:
    progress = Progress()
    copier = Copier(origin, registry, progress.doing)
    for one in plans:
        with progress.step(f"copy {one.name}"):
            to = Reference.parse(one.target)
            copier.copy(Reference.parse(one.source).repository, one.digest, to.repository, to.manifest)
            if (found := registry.digest(one.target)) != one.digest:
                raise RegistryError(
                    f"{one.target} has the digest {found}, not {one.digest}: somebody else writes there"
                )
    copied = copier.copied
    typer.echo(
        f"{copied.sent} blobs sent, {copied.sent_bytes / 1e6:.1f} MB; {copied.linked} linked, {copied.found} were there"
    )


def _who() -> str:
    done = subprocess.run(["git", "config", "user.name"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or getpass.getuser()
