"""``stacks mirror``: copies of the images of others that a stack's pods run, in a registry of one's own."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.failure import told
from commands.stack_files import settings_of
from commands.tables import show
from infra.mirrored_images import of_others, original_of
from infra.settings import Settings
from local import registry_log_in
from local.machine import Machine
from local.progress import Progress
from pipelines.errors import InputError, Problem
from registry.contents import Contents
from registry.copying import Copier
from registry.errors import RegistryError
from registry.reference import Reference


def mirror(
    stack: Annotated[str, typer.Argument(metavar="STACK", help="The stack whose images they are.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be copied; copy nothing.")] = False,
) -> None:
    """Copy Airflow's image and every helper image to where images.mirror says, digest for digest.

    Helpers are the XCom sidecar, the statsd exporter, Postgres' programs, the object store and PgBouncer, as far as the
    stack has them. What is there is not sent again. Again after each upgrade:

        python -m commands stacks mirror prod
    """
    with told():
        settings, machine, progress = settings_of(stack), Machine.here(), Progress()
        where = _mirror(stack, settings)
        pairs = [(original_of(where, copy), copy) for copy in of_others(settings)]
        show(("image", "copy"), pairs)
        if dry_run:
            return
        server = Reference.parse(pairs[0][1]).server
        with _opened(machine, server, settings) as target:
            for image, copy in pairs:
                with (
                    progress.step(f"copy {image}"),
                    _opened(machine, Reference.parse(image).server, settings) as source,
                ):
                    _copy(source, target, image, copy, progress)


def _mirror(stack: str, settings: Settings) -> str:
    if settings.images.mirror is None:
        fix = f"pulumi config set --stack {stack} --path images.mirror <server>/<path>"
        raise InputError([Problem(f"Pulumi.{stack}.yaml", "images.mirror", "none", "where to copy images to", fix)])
    return settings.images.mirror


def _opened(machine: Machine, server: str, settings: Settings) -> Contents:
    return Contents(
        server, registry_log_in.of_machine(machine, server).credentials(), authority=settings.registry.authority
    )


def _copy(source: Contents, target: Contents, image: str, copy: str, progress: Progress) -> None:
    origin, to = Reference.parse(image), Reference.parse(copy)
    digest = source.digest(image)
    if digest is None:
        raise RegistryError(f"registry {source.server} has no {image}")
    Copier(source, target, progress.doing).copy(origin.repository, digest, to.repository, to.tag or digest)
