"""A pydantic error told as the problems of a user's file."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from pipelines.errors import Problem

LONGEST_FOUND = 120
# Names of alternatives: pydantic puts them among the keys.
OBJECT, LIST = "[object]", "[list]"
NO_KEYS = {"[key]", OBJECT, LIST}


def problems_of(
    error: ValidationError, model: type[BaseModel], file: str, prefix: str = "", lines: Mapping[str, int] | None = None
) -> list[Problem]:
    """One Problem for each mistake pydantic found; ``lines`` maps dotted keys to line numbers of ``file``."""
    problems = []
    for detail in error.errors(include_url=False):
        names = [str(part) for part in detail["loc"] if part not in NO_KEYS]
        key = ".".join([prefix, *names] if prefix else names)
        place = place_of(file, key, lines)
        problems.append(_problem(detail, names, model, place, key))
    return problems


def place_of(file: str, key: str, lines: Mapping[str, int] | None) -> str:
    """``file:line`` of a dotted key, of the nearest key above it, or ``file``."""
    while lines and key:
        if key in lines:
            return f"{file}:{lines[key]}"
        key = key.rpartition(".")[0]
    return file


def nearest(name: str, known: Sequence[str]) -> str:
    """``did you mean ...?`` or nothing."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else ""


def shown(value: object) -> str:
    """A value as text of one short line."""
    text = repr(value)
    return text if len(text) <= LONGEST_FOUND else f"{text[:LONGEST_FOUND]}... ({len(text)} characters)"


def _problem(detail: Any, names: list[str], model: type[BaseModel], place: str, key: str) -> Problem:
    kind, message = detail["type"], detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if kind == "extra_forbidden":
        known = _keys_at(model, names[:-1])
        return Problem(
            place,
            key,
            "a key that nobody reads",
            f"one of {', '.join(known)}" if known else "no such key",
            nearest(names[-1], known) or "remove it",
        )
    if kind == "missing":
        return Problem(place, key, "nothing", "a value: this key is required", f"add {names[-1]!r}")
    fix = "quote it" if kind == "string_type" and isinstance(detail["input"], bool | int | float) else "correct it"
    return Problem(place, key, shown(detail["input"]), message, (detail.get("ctx") or {}).get("fix", fix))


def _keys_at(model: type[BaseModel], names: Sequence[str]) -> list[str]:
    here: Any = model
    for name in names:
        here = _step(here, name)
    return [field.alias or name for name, field in here.model_fields.items()] if _is_model(here) else []


def _step(here: Any, name: str) -> Any:
    if _is_model(here):
        for field_name, field in here.model_fields.items():
            if name in (field_name, field.alias):
                return _innermost(field.annotation)
        return None
    arguments = get_args(here)
    return _innermost(arguments[-1]) if arguments else None


def _innermost(annotation: Any) -> Any:
    """Without Annotated and ``| None``."""
    if get_origin(annotation) is Annotated:
        return _innermost(get_args(annotation)[0])
    if get_origin(annotation) in (typing.Union, types.UnionType):
        return _innermost(next(part for part in get_args(annotation) if part is not type(None)))
    return annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
