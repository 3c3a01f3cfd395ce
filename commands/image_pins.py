"""``images pin``: the digest behind the tag of every upstream image, written into a stack's file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import typer
from ruamel.yaml.comments import CommentedMap

from commands.failure import told
from commands.stack_file_edits import edited
from commands.stack_files import StackOption, settings_of
from infra.settings import Settings
from local import registry_log_in
from local.files import write
from local.machine import Machine
from pipelines.errors import InputError, Problem
from pipelines.image_folder import image_folders, read_folder
from pipelines.images import IMAGES
from registry.client import Registry
from registry.errors import RegistryError
from registry.reference import Reference

#: Asks for the digest of a reference: None where the registry has no such tag.
Ask = Callable[[str], str | None]


def pin(stack: StackOption = "dev") -> None:
    """Write the digest of every upstream image into Pulumi.<stack>.yaml, as images.baseDigests.

    Each tag that \\[tool.dag-image] names as upstream is asked of its own registry. The digest is part of the key of
    all that stands on the image: what changed is built anew by the next `pulumi up`, and nothing else is. Comments and
    order of the file stay; pins of images that nothing stands on any more go.

        python -m commands images pin --stack prod

    The one-machine platform stands on stand-ins, whose digests differ from machine to machine: its stack is not pinned.
    """
    with told():
        settings, path, machine = settings_of(stack), Path(f"Pulumi.{stack}.yaml"), Machine.here()
        _refuse_stand_ins(settings, machine, path)
        found = digests(upstreams(IMAGES), lambda reference: _ask(machine, reference))
        changed = write(path, pinned(path.read_text(), path.name, found))
        for reference, digest in found.items():
            before = settings.images.base_digests.get(reference)
            typer.echo(f"{reference}  {digest}{'' if before == digest else '  new' if before is None else '  changed'}")
        typer.echo(f"{path}: {'written' if changed else 'unchanged'}")


def upstreams(images: Path) -> Mapping[str, str]:
    """Upstream image, as the tables name it -> the file that names it first. Not those with a digest."""
    found: dict[str, str] = {}
    for name in image_folders(images):
        folder, _ = read_folder(images, name, f"{images.name}/{name}")
        if folder and folder.table.upstream and "@" not in folder.table.upstream:
            found.setdefault(folder.table.upstream, folder.file)
    return found


def digests(wanted: Mapping[str, str], ask: Ask) -> dict[str, str]:
    """Reference -> digest. Raises InputError naming every reference that could not be resolved."""
    found, problems = {}, []
    for reference, file in sorted(wanted.items()):
        key = "tool.dag-image.upstream"
        try:
            digest = ask(reference)
        except RegistryError as error:
            problems.append(
                Problem(file, key, str(error), "an answer of its registry", "look at the network or log in")
            )
            continue
        if digest is None:
            problems.append(Problem(file, key, f"no image {reference}", "a tag that its registry has", "correct it"))
        else:
            found[reference] = digest
    if problems:
        raise InputError(problems)
    return found


def pinned(text: str, file: str, found: Mapping[str, str]) -> str:
    """The stack file's text with these pins, everything else as it was. Raises InputError when it has no config."""
    place = ("images", "baseDigests")
    if not found and edited(text, file, place, None) == text:
        return text
    return edited(text, file, place, CommentedMap(sorted(found.items())))


def _refuse_stand_ins(settings: Settings, machine: Machine, path: Path) -> None:
    if settings.registry.server == machine.registry:
        found, expected = f"{machine.registry}, of the one-machine platform", "a registry that others pull from"
        raise InputError([Problem(path.name, "registry.server", found, expected, "name another stack with --stack")])


def _ask(machine: Machine, reference: str) -> str | None:
    server = Reference.parse(reference).server
    with Registry(server, registry_log_in.of_machine(machine, server).credentials()) as registry:
        return registry.digest(reference)
