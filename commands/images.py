"""``images``: the image types of this repository."""

from __future__ import annotations

from typing import Annotated

import typer

from commands import image_locks
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

app = typer.Typer(help="Image types: one folder below images/ each.", no_args_is_help=True, add_completion=False)


@app.callback()
def images() -> None:
    """Image types: one folder below images/ each."""


@app.command("list")
def list_images(stack: StackOption = "dev") -> None:
    """Show every image type: its profile, its content-addressed reference, and whether the registry holds it.

    The tag is made of the version in pyproject.toml and a hash of all that goes into the build. A state of
    "to be built" means that the next `make up` or `pulumi up` builds and pushes it; without an answer of the registry
    it is "unknown", and the exit code 1.
    """
    with told():
        settings = settings_of(stack)
        found = sources.load(settings)
        states, problems = _states(settings, [image.reference for image in found.images])
        rows = [(image.name, image.profile, image.reference, states[image.reference]) for image in found.images]
        show(("type", "profile", "reference", "state"), rows)
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


def _states(settings: Settings, references: list[str]) -> tuple[dict[str, str], tuple[Problem, ...]]:
    server, machine = settings.registry.server, Machine.here()
    unknown = dict.fromkeys(references, "unknown")
    try:
        credentials = registry_log_in.log_in(machine, server)
    except InputError as error:
        return unknown, error.problems
    with Registry(server, credentials) as registry:
        try:
            return {reference: _state(registry, reference) for reference in references}, ()
        except RegistryError as error:
            return unknown, (registry_log_in.problem(error, machine, server, credentials),)


def _state(registry: Registry, reference: str) -> str:
    digest = registry.digest(reference)
    if digest is None:
        return "to be built"
    return f"in the registry, {digest[:19]}, {(registry.size(reference) or 0) / 1e6:.0f} MB to pull"
