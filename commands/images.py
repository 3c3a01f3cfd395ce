"""``images``: the image types of this repository."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from commands import image_locks
from commands.failure import told
from commands.stack_files import StackOption, settings_of
from commands.tables import show
from infra import sources
from infra.settings import Settings
from local.machine import Machine
from pipelines.images import IMAGES
from registry.client import Registry, RegistryError, docker_credentials

app = typer.Typer(help="Image types: one folder below images/ each.", no_args_is_help=True)


@app.callback()
def images() -> None:
    """Image types: one folder below images/ each."""


@app.command("list")
def list_images(stack: StackOption = "dev") -> None:
    """Show every image type: its profile, its content-addressed reference, and whether the registry holds it.

    The tag is made of the version in pyproject.toml and a hash of all that goes into the build. A state of
    "to be built" means that the next `make up` or `pulumi up` builds and pushes it.
    """
    with told():
        settings = settings_of(stack)
        found = sources.load(settings)
        states = _states(settings, [image.reference for image in found.images])
        rows = [(image.name, image.profile, image.reference, states[image.reference]) for image in found.images]
        show(("type", "profile", "reference", "state"), rows)


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


def _states(settings: Settings, references: list[str]) -> dict[str, str]:
    server, machine = settings.registry.server, Machine.here()
    user = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    credentials = docker_credentials(machine.docker_config if server == machine.registry else user).get(server)
    with Registry(server, credentials) as registry:
        try:
            return {reference: _state(registry, reference) for reference in references}
        except RegistryError as error:
            return dict.fromkeys(references, f"unknown: {error}")


def _state(registry: Registry, reference: str) -> str:
    digest = registry.digest(reference)
    if digest is None:
        return "to be built"
    return f"in the registry, {digest[:19]}, {(registry.size(reference) or 0) / 1e6:.0f} MB to pull"
