"""The catalog's images as Elyra's runtime images, which its users pick in the pipeline editor.

The schema is Elyra's own, ``runtime-image`` of its schemaspace ``runtime-images``:
https://elyra.readthedocs.io/en/v4.1.1/user_guide/runtime-image-conf.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.images import Image

SCHEMA = "runtime-image"
#: What an image stands on that runs a node without a download: adopted DAGs call its command.
BASES = ("bases/elyra", "bases/elyra-conda")
READY = "elyra-node"


def runtime_images(images: Iterable[Image], pull_secret: str) -> dict[str, Mapping[str, Any]]:
    """File name -> content of every DAG type whose image runs as a pod of its own; an empty pull secret is left out."""
    by_name = {image.name: image for image in images}
    return {
        f"{type_}.json": _runtime_image(type_, image, _ready(image, by_name), pull_secret)
        for image in by_name.values()
        if image.profile == "task"
        for type_ in image.dag_types
    }


def _runtime_image(type_: str, image: Image, ready: bool, pull_secret: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "description": f"Image type {type_}, version {image.version}",
        "image_name": image.reference,
        # A reference that never changes is pulled once a node.
        "pull_policy": "IfNotPresent",
        "tags": [type_, *([READY] if ready else [])],
    }
    if pull_secret:
        metadata["pull_secret"] = pull_secret
    return {"display_name": f"{type_} {image.version}", "metadata": metadata, "schema_name": SCHEMA}


def _ready(image: Image, by_name: Mapping[str, Image]) -> bool:
    here: Image | None = image
    while here is not None:
        if here.name in BASES:
            return True
        here = by_name.get(here.base) if here.base else None
    return False
