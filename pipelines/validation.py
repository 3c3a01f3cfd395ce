"""A pydantic error told as the problems of a user's file."""

from __future__ import annotations

import difflib
import re
import types
import typing
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from pipelines.errors import Problem, plain
from pipelines.strict_yaml import MOST_PROBLEMS, Place

LONGEST_FOUND = 120
MOST_NAMES = 60
# Names of alternatives: pydantic puts them among the keys.
OBJECT, LIST, TEXT = "[object]", "[list]", "[text]"
#: Kinds of pydantic's errors that name the values it knows, and where.
CHOICES = {"literal_error": "expected", "enum": "expected", "union_tag_invalid": "expected_tags"}
ABSENT = object()


def problems_of(
    error: ValidationError,
    model: type[BaseModel],
    file: str,
    prefix: str = "",
    places: Mapping[str, Place] | None = None,
    content: Any = ABSENT,
) -> list[Problem]:
    """One Problem for each mistake pydantic found.

    ``places`` are those of the dotted keys of ``file``; ``content`` is what was validated: by it the alternatives of a
    union, which pydantic puts among the keys, are told from keys.
    """
    told: dict[tuple[str, str, str], Problem] = {}
    details = error.errors(include_url=False)
    for detail in details[:MOST_PROBLEMS]:
        names = _names(detail, content)
        key = ".".join([prefix, *names] if prefix else names)
        place = place_of(file, key, places, key_itself=detail["type"] == "extra_forbidden")
        problem = _problem(detail, names, model, place, plain(key))
        one = (problem.file, problem.key, problem.found)
        # Of several alternatives that do not fit, what each expects.
        told[one] = _either(told[one], problem) if one in told else problem
    if len(details) > MOST_PROBLEMS:
        found = f"{len(details) - MOST_PROBLEMS} more problems"
        told["", "", ""] = Problem(place_of(file, "", places), "", found, "none", "correct these first")
    return list(told.values())


def place_of(file: str, key: str, places: Mapping[str, Place] | None, key_itself: bool = False) -> str:
    """``file:line:column`` of the value of a dotted key (or of the key itself), else of the nearest key above it;
    ``file`` where nothing is known of places."""
    if not places:
        return file
    if found := places.get(key):
        return f"{file}:{found.line}:{found.column if key_itself else found.value_column}"
    while key and key not in places:
        key = key.rpartition(".")[0]
    found = places.get(key)
    return f"{file}:{found.line}:{found.column}" if found else file


def nearest(name: str, known: Sequence[str]) -> str:
    """``did you mean ...?`` or nothing. Letters that only look like the right ones are named."""
    if len(name) > LONGEST_FOUND:
        return ""
    by_small_letters = {one.lower().replace("-", "_"): one for one in known}
    close = difflib.get_close_matches(name.lower().replace("-", "_"), list(by_small_letters), n=1)
    if not close:
        return ""
    meant = by_small_letters[close[0]]
    foreign = [letter for letter in name if not letter.isascii()] if meant.isascii() else []
    named = "".join(f"; {plain(letter)} is {unicodedata.name(letter, 'no ASCII')}" for letter in foreign[:3])
    return f"did you mean {meant!r}?{named}"


def listed(names: Sequence[str]) -> str:
    """``a, b, c``; of many, the first ones."""
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def shown(value: object) -> str:
    """A value as text of one short line."""
    text = repr(value)
    return text if len(text) <= LONGEST_FOUND else f"{text[:LONGEST_FOUND]}... ({len(text)} characters)"


def _names(detail: Any, content: Any) -> list[str]:
    location = detail["loc"]
    if content is ABSENT:
        return [str(part) for part in location if not str(part).startswith("[")]
    names, here = [], content
    for position, part in enumerate(location):
        is_last = position == len(location) - 1
        is_item = isinstance(here, list | tuple) and isinstance(part, int) and part < len(here)
        if is_item or (isinstance(here, Mapping) and part in here):
            here = here[part]
        elif not (is_last and detail["type"] == "missing"):
            continue
        names.append(str(part))
    return names


def _problem(detail: Any, names: list[str], model: type[BaseModel], place: str, key: str) -> Problem:
    kind, context = detail["type"], detail.get("ctx") or {}
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if kind == "extra_forbidden":
        known = _keys_at(model, names[:-1])
        fix = nearest(names[-1], known) or _elsewhere(model, names[-1]) or "remove it"
        return Problem(place, key, "a key that nobody reads", f"one of {', '.join(known)}" if known else "no key", fix)
    if kind == "missing":
        return Problem(place, key, "nothing", "a value: this key is required", f"add {names[-1]!r}")
    value = detail["input"]
    if kind in CHOICES:
        known = re.findall(r"'([^']*)'", str(context.get(CHOICES[kind], "")))
        value = value.get(_tag_name(context)) if kind == "union_tag_invalid" and isinstance(value, dict) else value
        fix = nearest(str(value), known) or "correct it"
        return Problem(place, key, shown(value), f"one of {', '.join(known)}", fix)
    fix = "quote it" if kind == "string_type" and isinstance(value, bool | int | float) else "correct it"
    return Problem(place, key, shown(value), message, context.get("fix", fix))


def _tag_name(context: Mapping[str, Any]) -> str:
    return str(context.get("discriminator", "")).strip("'")


def _either(one: Problem, other: Problem) -> Problem:
    if other.expected in one.expected.split(" or "):
        return one
    return Problem(one.file, one.key, one.found, f"{one.expected} or {other.expected}", one.fix)


def _keys_at(model: type[BaseModel], names: Sequence[str]) -> list[str]:
    """The keys of all records that may stand there."""
    here: list[Any] = [model]
    for name in names:
        here = [below for annotation in here for below in _steps(annotation, name)]
    return list(dict.fromkeys(key for one in here if _is_model(one) for key in _keys(one)))


def _elsewhere(model: type[BaseModel], name: str) -> str:
    """Where else the surface has a key of this name; empty where nowhere."""
    found = [path for path, known in _records(model) if name in known]
    return (
        f"move it: {' and '.join(found[:2])} have that key"
        if len(found) > 1
        else (f"move it to {found[0]}, which has that key" if found else "")
    )


def _records(model: type[BaseModel]) -> Iterator[tuple[str, list[str]]]:
    """Each record of the surface once: where it stands first, and its keys."""
    look: list[tuple[str, Any]] = [("the top", model)]
    seen: set[Any] = set()
    while look:
        path, here = look.pop(0)
        if here in seen:
            continue
        seen.add(here)
        yield path, _keys(here)
        for name, field in here.model_fields.items():
            below = field.alias or name
            prefix = below if path == "the top" else f"{path}.{below}"
            look += [(f"{prefix}{suffix}", one) for suffix, one in _models_in(field.annotation)]


def _models_in(annotation: Any, suffix: str = "") -> Iterator[tuple[str, Any]]:
    for one in _alternatives(annotation):
        if _is_model(one):
            yield suffix, one
        elif get_origin(one) in (dict, Mapping):
            yield from _models_in(get_args(one)[-1], f"{suffix}.<name>")
        elif get_args(one):
            yield from _models_in(get_args(one)[0], f"{suffix}.<number>")


def _steps(here: Any, name: str) -> Iterator[Any]:
    """The alternatives below a key, or below a position of a list."""
    if _is_model(here):
        for field_name, field in here.model_fields.items():
            if name in (field_name, field.alias):
                yield from _alternatives(field.annotation)
    elif get_args(here):
        yield from _alternatives(get_args(here)[-1 if get_origin(here) in (dict, Mapping) else 0])


def _alternatives(annotation: Any) -> Iterator[Any]:
    """Without Annotated, each part of a union alone, None left out."""
    if get_origin(annotation) is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    elif get_origin(annotation) in (typing.Union, types.UnionType):
        for part in get_args(annotation):
            yield from _alternatives(part)
    elif isinstance(annotation, typing.TypeAliasType if hasattr(typing, "TypeAliasType") else ()):
        yield from _alternatives(annotation.__value__)
    elif annotation is not type(None):
        yield annotation


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
