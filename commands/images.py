"""``images``: the image types of this repository."""

from __future__ import annotations

from typing import Annotated

import typer

from commands import image_locks, image_table
from commands.failure import told
from commands.stack_files import StackOption, settings_of
from commands.tables import show
from infra import sources
from infra.settings import Settings
from local import registry_log_in
from local.machine import Machine
from pipelines.errors import InputError, Problem
from pipelines.images import IMAGES
from registry.client import Registry, RegistryError
from registry.layer_sizes import LayerSizes

#: Below the cache of this user.
LAYER_SIZES = "layer-sizes.json"

app = typer.Typer(help="Image types: one folder below images/ each.", no_args_is_help=True, add_completion=False)


@app.callback()
def images() -> None:
    """Image types: one folder below images/ each."""


@app.command("list")
def list_images(stack: StackOption = "dev") -> None:
    """Show every image: the DAG types it serves, its DAGs, its content-addressed reference, and what it costs to pull.

    The tag is made of the version in pyproject.toml and a hash of all that goes into the build. "shared" is the part of
    the bytes to pull that other images here have as well: a node that holds one of them does not pull it again. A state
    of "to be built" means that the next `make up` or `pulumi up` builds and pushes the image; without an answer of the
    registry it is "unknown", and the exit code 1. What stands on a stand-in of its base may not leave this machine.
    """
    with told():
        settings = settings_of(stack)
        found = sources.load(settings)
        pushed, problems = _pushed(settings, [image.reference for image in found.images])
        show(image_table.COLUMNS, image_table.rows(found, pushed))
        if problems:
            raise InputError(problems)


@app.command()
def lock(
    types: Annotated[list[str], typer.Argument(help="Such as cost-of-living, or bases/task.")],
) -> None:
    """Resolve requirements.lock from the exact pins in pyproject.toml, with hashes, wheels only.

    Versions that the present lock holds stay as far as they fit. A worker image's lock leaves out what the
    release's own image already holds, and resolves within its versions.
    """
    with told():
        for name in types:
            typer.echo(image_locks.lock(IMAGES, name).as_posix())


def _pushed(settings: Settings, references: list[str]) -> tuple[image_table.Pushed, tuple[Problem, ...]]:
    """What the registry says, and why it says nothing."""
    server, machine = settings.registry.server, Machine.here()
    try:
        credentials = registry_log_in.log_in(machine, server)
    except InputError as error:
        return image_table.Pushed(), error.problems
    with Registry(server, credentials) as registry:
        try:
            return image_table.ask(registry, references, LayerSizes(machine.cache / LAYER_SIZES)), ()
        except RegistryError as error:
            return image_table.Pushed(), (registry_log_in.problem(error, machine, server, credentials),)
