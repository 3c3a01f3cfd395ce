"""Which images a build of some takes, in which order, and with which arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pipelines.errors import InputError, Problem
from pipelines.images import EVERY_BUILD, IMAGES, Image
from pipelines.validation import nearest


def with_bases(images: Sequence[Image], names: Iterable[str]) -> tuple[Image, ...]:
    """The named images and all that they stand on, bases first. Raises InputError for names that are no image."""
    known = {image.name: image for image in images}
    chosen: dict[str, Image] = {}
    problems = []

    def add(name: str) -> None:
        if base := known[name].base:
            add(base)
        chosen.setdefault(name, known[name])

    for name in names:
        if name in known:
            add(name)
        else:
            expected = f"one of {', '.join(sorted(known))}" if known else f"a folder below {IMAGES}/, and there is none"
            problems.append(Problem(f"{IMAGES}/{name}", "", "no such image", expected, nearest(name, [*known])))
    if problems:
        raise InputError(problems)
    return tuple(chosen.values())


def build_arguments(image: Image, references: Mapping[str, str]) -> dict[str, str]:
    """The image's own arguments, what it stands on, and the time that every file gets."""
    base = references[image.base] if image.base else image.upstream
    return {**image.build_arguments, **({"BASE_IMAGE": base} if base else {}), **EVERY_BUILD}
