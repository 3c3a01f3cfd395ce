"""``images record``: what a build has made, kept in the repository for plans to judge."""

from __future__ import annotations

from pathlib import Path

import typer

from commands.failure import told
from commands.image_builds import TypesArgument, workshop
from commands.stack_files import StackOption
from local import files
from local.progress import Progress
from pipelines.build_plan import with_bases
from pipelines.image_records import FILE, ImageRecord, read_records, records_text
from pipelines.images import IMAGES


def record(types: TypesArgument = None, stack: StackOption = "dev") -> None:
    """Build images and write their sizes and their packages' licences to images/built.json, which is committed.

    Plans read it: a size above the budget and a licence that images/licences.toml does not accept are findings, and a
    pull request tells by how much an image grows. What is not named keeps its record; what is gone loses it.

        python -m commands images record cost-of-living
    """
    with told():
        place = workshop(stack, Progress())
        records = {name: one for name, one in read_records(Path()).items() if name in {i.name for i in place.images}}
        chosen = with_bases(place.images, types or [image.name for image in place.images])
        for image in chosen:
            if types and image.name not in types:
                continue
            built = place.build(image.name)
            licences = {f"{one.name}=={one.version}": one.licence for one in place.installed(built).distributions}
            records[image.name] = ImageRecord(key=image.key, to_pull=built.size, licences=licences)
            typer.echo(f"{image.name}: {built.size / 1e6:.0f} MB to pull, {len(licences)} Python packages")
        files.write(IMAGES / FILE, records_text(records))
