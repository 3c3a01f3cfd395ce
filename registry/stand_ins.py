"""Images that stand on a stand-in of an upstream image, which no other machine may get."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pipelines.errors import Problem
from registry.client import Registry

#: On every stand-in. A build inherits its base's labels and can overwrite one, but not remove it.
LABEL = "io.de-airflow-pipeline.stand-in"


def is_on_a_stand_in(labels: Mapping[str, str]) -> bool:
    """Whether an image with these labels is a stand-in, or was built on one: the label's value does not matter."""
    return LABEL in labels


def promotion_problems(registry: Registry, references: Iterable[str], target: str) -> list[Problem]:
    """Those of the images that may not leave the machine they were built on. Raises RegistryError.

    ``target`` is the server that they go to: within one registry of this machine none leaves it.
    """
    if registry.is_here and target == registry.server:
        return []
    return [
        Problem(
            reference,
            "",
            "an image on a stand-in of its base",
            "an image on what its Dockerfile names",
            "build it where the upstream image can be pulled, and promote that",
        )
        for reference in references
        if any(is_on_a_stand_in(registry.labels(one) or {}) for one in (reference, *registry.platforms(reference)))
    ]
