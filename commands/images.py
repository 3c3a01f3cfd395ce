"""``images``: the image types of this repository."""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.core import TyperGroup

from commands import image_table
from commands.failure import told
from commands.stack_files import StackOption, settings_of
from commands.tables import show
from infra import sources
from infra.settings import Settings
from local import registry_log_in
from local.machine import Machine
from pipelines.errors import InputError, Problem
from registry.client import Registry, RegistryError
from registry.layer_sizes import LayerSizes

#: Below the cache of this user.
LAYER_SIZES = "layer-sizes.json"

#: Verb -> module of this package and function, in the order of the help.
VERBS = {
    "new": ("image_folders", "new"),
    "lock": ("image_locks", "lock_images"),
    "build": ("image_builds", "build"),
    "test": ("image_tests", "try_images"),
    "shell": ("image_builds", "shell"),
    "pin": ("image_pins", "pin"),
    "matrix": ("image_matrix", "matrix"),
    "sbom": ("image_bills", "sbom"),
    "licences": ("image_bills", "licences"),
    "audit": ("image_audit", "audit"),
}


class Verbs(TyperGroup):
    """Imports a verb when it is asked for: each needs other libraries."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *VERBS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in VERBS:
            return super().get_command(ctx, cmd_name)
        module, function = VERBS[cmd_name]
        alone = typer.Typer(add_completion=False)
        alone.command(cmd_name)(getattr(importlib.import_module(f"commands.{module}"), function))
        return typer.main.get_command(alone)


app = typer.Typer(
    cls=Verbs, help="Image types: one folder below images/ each.", no_args_is_help=True, add_completion=False
)


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


def _pushed(settings: Settings, references: list[str]) -> tuple[image_table.Pushed, tuple[Problem, ...]]:
    """What the registry says, and why it says nothing."""
    server, machine = settings.registry.server, Machine.here()
    log_in = registry_log_in.of_machine(machine, server)
    try:
        credentials = log_in.credentials()
    except InputError as error:
        return image_table.Pushed(), error.problems
    with Registry(server, credentials) as registry:
        try:
            return image_table.ask(registry, references, LayerSizes(machine.cache / LAYER_SIZES)), ()
        except RegistryError as error:
            return image_table.Pushed(), (log_in.problem(error, credentials),)
