"""A folder that holds the files of one plan and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from plan.model import FILE, Plan


def load(folder: Path) -> Plan:
    """The plan that was written to a folder. Raises ValueError where it is none of this version."""
    return Plan.model_validate(json.loads((folder / FILE).read_text(encoding="utf-8")))


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write beside it and rename: who is interrupted leaves the old folder, or none, never a mixture."""
    beside, before = (folder.with_name(f".{folder.name}.{part}") for part in ("new", "old"))
    for leftover in (beside, before):
        shutil.rmtree(leftover, ignore_errors=True)
    for path, content in files.items():
        file = beside / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    if folder.exists():
        folder.rename(before)
    beside.rename(folder)
    shutil.rmtree(before, ignore_errors=True)
