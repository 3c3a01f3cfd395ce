"""``images list``: every image, and what the registry holds of it."""

from __future__ import annotations

from commands import image_table
from commands.failure import told
from commands.stack_files import StackOption, settings_of
from commands.tables import show
from infra import sources
from infra.settings import Settings
from local import registry_log_in
from local.machine import Machine
from pipelines.errors import InputError, Problem
from registry.client import Registry
from registry.errors import RegistryError
from registry.layer_sizes import LayerSizes

#: Below the cache of this user.
LAYER_SIZES = "layer-sizes.json"


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
