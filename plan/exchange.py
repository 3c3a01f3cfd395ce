"""Both sides of a diff as files: data that a job without the pull request's code can read, judge and render."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from pipelines.errors import InputError, Problem
from plan import stacks
from plan.explanation import Broken
from plan.model import Plan

BASE, HEAD = "base.json", "head.json"
#: Bytes of one file; a plan of 200 images and 500 DAGs takes a tenth of it.
LARGEST = 64 * 1024 * 1024
LONGEST_MESSAGE = 20_000
MOST_STACKS = 20

Side = Plan | Broken | None


def write(folder: Path, before: Side, after: Side) -> None:
    """Write both sides into ``folder``, which is named like the stack."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, side in ((BASE, before), (HEAD, after)):
        (folder / name).write_text(_text(side), encoding="utf-8")


def read(folder: Path) -> dict[str, tuple[Side, Plan | Broken]]:
    """Stack -> (base, head) of every folder in an artifact. What is not of the documented form is refused.

    Raises InputError; its words are this program's own and the place, nothing that the artifact says.
    """
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    found = {}
    for path in folders[:MOST_STACKS]:
        if not stacks.NAME.fullmatch(path.name):
            raise _refused("a folder", "the name of a stack")
        before, after = _side(path / BASE), _side(path / HEAD)
        if after is None or any(isinstance(side, Plan) and side.stack != path.name for side in (before, after)):
            raise _refused(f"{path.name}/{HEAD}", "the plan of the stack that its folder names")
        found[path.name] = (before, after)
    return found


def _text(side: Side) -> str:
    if isinstance(side, Broken):
        return json.dumps({"broken": side.message[:LONGEST_MESSAGE]}) + "\n"
    return side.to_json() if side else "null\n"


def _side(path: Path) -> Side:
    shown = f"{path.parent.name}/{path.name}"
    if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST:
        raise _refused(shown, f"a file of at most {LARGEST} bytes")
    try:
        content = json.loads(path.read_bytes())
        if content is None:
            return None
        if isinstance(content, dict) and set(content) == {"broken"} and isinstance(content["broken"], str):
            return Broken(content["broken"][:LONGEST_MESSAGE])
        return Plan.model_validate(content)
    except (ValueError, ValidationError, RecursionError):
        raise _refused(shown, "a plan, or why there is none, as plan/schema.json says") from None


def _refused(what: str, expected: str) -> InputError:
    fix = "see what the job that planned uploaded; nothing was posted"
    return InputError([Problem(what, "", "something else", expected, fix)])
