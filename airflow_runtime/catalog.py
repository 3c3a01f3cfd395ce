"""The published images, for hand-written DAG files: ``from airflow_runtime.catalog import image``."""

from __future__ import annotations

import json
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

FILE = "images.json"


class UnknownImage(LookupError):  # noqa: N818 - it is what was found
    """An image type that is not in the catalog; the message names those that are."""


def image(type_: str, beside: str | None = None) -> str:
    """The exact reference, with digest, of an image type: ``image("salesforce")``.

    It is looked up in the ``images.json`` that was published together with the calling DAG file, so a run's references
    belong to the run's version. ``beside`` names another file to start from. Nothing is asked over the network.
    Raises UnknownImage, and FileNotFoundError when no catalog was published with the file.
    """
    start = Path(beside or sys._getframe(1).f_code.co_filename).absolute()
    for folder in start.parents:
        if (file := folder / FILE).is_file():
            images = _images(str(file), file.stat().st_mtime_ns)
            if type_ not in images:
                raise UnknownImage(
                    f"image type {type_!r} is not in the catalog: it has {', '.join(sorted(images)) or 'none'}"
                )
            return _pinned(images[type_])
    raise FileNotFoundError(f"no {FILE} above {start}: the catalog is published with the DAG files")


@lru_cache(maxsize=4)
def _images(file: str, _modified: int) -> dict[str, Any]:
    return json.loads(Path(file).read_bytes())["images"]


def _pinned(entry: dict[str, Any]) -> str:
    return f"{entry['reference']}@{entry['digest']}" if entry.get("digest") else entry["reference"]
