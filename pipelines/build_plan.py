"""Which images a build of some takes, in which order, and with which arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pipelines.errors import InputError
from pipelines.image_folder import unknown_problems
from pipelines.images import EVERY_BUILD, Image


def with_bases(images: Sequence[Image], names: Iterable[str]) -> tuple[Image, ...]:
    """The named images and all that they stand on, bases first. Raises InputError for names that are no image."""
    known = {image.name: image for image in images}
    chosen: dict[str, Image] = {}

    def add(name: str) -> None:
        if base := known[name].base:
            add(base)
        chosen.setdefault(name, known[name])

    wanted = tuple(names)
    if problems := unknown_problems(wanted, known):
        raise InputError(problems)
    for name in wanted:
        add(name)
    return tuple(chosen.values())


def build_arguments(image: Image, references: Mapping[str, str]) -> dict[str, str]:
    """The image's own arguments, what it stands on, and the time that every file gets."""
    base = references[image.base] if image.base else image.upstream
    return {**image.build_arguments, **({"BASE_IMAGE": base} if base else {}), **EVERY_BUILD}
