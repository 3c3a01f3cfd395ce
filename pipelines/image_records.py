"""``images/built.json``: what the last recorded build of each image was; a plan judges it without a registry.

``images record`` writes it; a plan reads it from the commit, and so says the same of the same commit for ever.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pipelines.errors import InputError, Problem
from pipelines.images import IMAGES

FILE = "built.json"


class ImageRecord(BaseModel):
    """One image: its content key, bytes to pull, and what each Python package in it says of its licence.

    ``licences`` is by ``<name>==<version>``; empty where the package states none that a program can read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    to_pull: int = Field(gt=0)
    licences: Mapping[str, str]


Records = Mapping[str, ImageRecord]
_ADAPTER: TypeAdapter[dict[str, ImageRecord]] = TypeAdapter(dict[str, ImageRecord])


def read_records(root: Path) -> Records:
    """By the image's name; none where there is no file. Raises InputError."""
    path = root / IMAGES / FILE
    if not path.is_file():
        return {}
    try:
        return _ADAPTER.validate_python(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, ValidationError):
        fix = "python -m commands images record"
        raise InputError([Problem(f"{IMAGES}/{FILE}", "", "something else", f"what {fix} writes", fix)]) from None


def records_text(records: Records) -> str:
    """The text of the file: sorted."""
    return json.dumps({name: one.model_dump() for name, one in records.items()}, indent=1, sort_keys=True) + "\n"
