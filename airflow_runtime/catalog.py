"""The published images and the names that pods need, for hand-written DAG files.

``from airflow_runtime.catalog import image, namespace, pod_template, pull_secret, service_account``. Everything is read
from the ``images.json`` that was published together with the calling DAG file, so what a run uses belongs to the run's
version. Where none was, on a laptop, it is the one that ``python -m commands dags build`` left in ``build/dags`` of the
checkout. Nothing is asked over the network. ``beside`` names another file to start from.

Every function raises FileNotFoundError when there is no catalog.
"""

from __future__ import annotations

import json
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

FILE = "images.json"
TEMPLATES = "pod_templates"
PLACES = (FILE, f"build/dags/{FILE}")


class UnknownImage(LookupError):  # noqa: N818 - it is what was found
    """An image type that is not in the catalog; the message names those that are."""


def image(type_: str, beside: str | None = None) -> str:
    """The exact reference of an image type, with digest where it is published: ``image("salesforce")``.

    Raises UnknownImage.
    """
    entry = _entry(type_, _file(beside))
    return f"{entry['reference']}@{entry['digest']}" if entry.get("digest") else entry["reference"]


def pod_template(type_: str, beside: str | None = None) -> str:
    """The path of an image type's pod template: KubernetesPodOperator's ``pod_template_file``, or the one of an
    ``executor_config``.

    Raises UnknownImage.
    """
    file = _file(beside)
    _entry(type_, file)
    return str(file.parent / TEMPLATES / f"{type_}.yaml")


def namespace(beside: str | None = None) -> str:
    """The namespace that tasks' pods run in."""
    return _read(_file(beside))["platform"]["tasks_namespace"]


def pull_secret(beside: str | None = None) -> str:
    """The name of the pull secret in that namespace; empty where the registry asks for none."""
    return _read(_file(beside))["platform"]["pull_secret"]


def service_account(beside: str | None = None) -> str:
    """The name of the tasks' service account in that namespace."""
    return _read(_file(beside))["platform"]["service_account"]


def _file(beside: str | None) -> Path:
    # Two frames up: who called the function that calls this one.
    start = Path(beside or sys._getframe(2).f_code.co_filename).absolute()
    for folder in start.parents:
        for place in PLACES:
            if (file := folder / place).is_file():
                return file
    raise FileNotFoundError(
        f"no {FILE} above {start}: it is published with the DAG files. In a checkout, write it to build/dags with "
        "python -m commands dags build"
    )


def _entry(type_: str, file: Path) -> dict[str, Any]:
    images = _read(file)["images"]
    if type_ not in images:
        raise UnknownImage(f"image type {type_!r} is not in the catalog: it has {', '.join(sorted(images)) or 'none'}")
    return images[type_]


def _read(file: Path) -> dict[str, Any]:
    return _parsed(str(file), file.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _parsed(file: str, _modified: int) -> dict[str, Any]:
    return json.loads(Path(file).read_bytes())
