"""``images sbom`` and ``images licences``: what is in an image, and under which terms."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Annotated

import typer

from commands.failure import told
from commands.image_builds import TypesArgument, Workshop, attestation, keep, workshop
from commands.stack_files import StackOption
from commands.tables import show
from local.progress import Progress
from pipelines.bill_of_materials import Origin, bill_of_materials
from pipelines.build_plan import with_bases
from pipelines.image_lock import LOCK, parse_lock
from pipelines.images import Image
from pipelines.installed import Installed


def sbom(types: TypesArgument = None, stack: StackOption = "dev") -> None:
    """Write the bill of materials of images to build/attestations/<type>.cdx.json, as CycloneDX 1.6.

    It names every Python package (with the hashes of requirements.lock), every Debian package, the upstream image and
    the base. The image is built first, into build/layout; equal content gives an equal file. It lies beside the
    image, not in it, and beside its provenance: <type>.provenance.json.

        python -m commands images sbom cost-of-living
    """
    with told():
        place = workshop(stack, Progress())
        for image in _chosen(place, types):
            built = place.build(image.name)
            origin = Origin(image, place.digest(image.name), _hashes(place.chain(image.name)))
            text = bill_of_materials(origin, place.installed(built))
            typer.echo(keep(attestation(image.name, "cdx"), text).as_posix())


def licences(
    types: TypesArgument = None,
    stack: StackOption = "dev",
    as_json: Annotated[
        bool, typer.Option("--json", help="For programs: name, version, licence of each package.")
    ] = False,
) -> None:
    """List the licences of all packages in images, as the packages themselves state them.

    Python packages state theirs in their metadata, Debian packages in /usr/share/doc/*/copyright; "not stated" means
    that there is none in a form that a program can read.

        python -m commands images licences cost-of-living
    """
    with told():
        place = workshop(stack, Progress(sys.stderr if as_json else None))
        found = {image.name: _licences(place.installed(place.build(image.name))) for image in _chosen(place, types)}
        if as_json:
            listed = {
                name: [dict(zip(("kind", "name", "version", "licence"), row, strict=True)) for row in rows]
                for name, rows in found.items()
            }
            typer.echo(json.dumps(listed, indent=2))
            return
        rows = [(name, *row) for name, listed in found.items() for row in listed]
        show(("type", "kind", "package", "version", "licence"), rows)


def _chosen(place: Workshop, types: list[str] | None) -> Iterable[Image]:
    """The named images, all where none is named. Raises InputError for names that are no image."""
    chosen = with_bases(place.images, types or [image.name for image in place.images])
    return [image for image in chosen if not types or image.name in types]


def _licences(found: Installed) -> list[tuple[str, str, str, str]]:
    distributions = {("python", one.name, one.version, one.licence) for one in found.distributions}
    system = {("debian", one.name, one.version, one.licence) for one in found.system}
    return [(*row[:3], row[3] or "not stated") for row in sorted(distributions | system)]


def _hashes(chain: Iterable[Image]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for image in chain:
        path = image.context / LOCK
        lock = parse_lock(path.read_text()).packages if path.is_file() else ()
        found |= {package.name: package.hashes for package in lock}
    return found
