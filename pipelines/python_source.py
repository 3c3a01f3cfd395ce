"""Values and calls written as Python, laid out as ruff lays them out. Text only ever becomes a string literal."""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

WIDTH = 120
INDENT = "    "

Scalar: TypeAlias = str | int | float | bool | None
Value: TypeAlias = "Scalar | Call | Name | Unpacked | Sequence[Value] | Mapping[str, Value]"


@dataclass(frozen=True)
class Name:
    """A dotted name of the generated file: never a user's text. Raises ValueError for anything else."""

    text: str

    def __post_init__(self) -> None:
        if not all(
            part.isidentifier() and part.isascii() and not keyword.iskeyword(part) for part in self.text.split(".")
        ):
            raise ValueError(f"{self.text!r} is no name")


@dataclass(frozen=True)
class Unpacked:
    """``*name`` in a list."""

    name: Name


@dataclass(frozen=True)
class Call:
    """``function(*arguments, **named, **unpacked)``; named arguments that are None are left out by the caller."""

    function: Name
    named: Mapping[str, Value] = field(default_factory=dict)
    arguments: Sequence[Value] = ()
    unpacked: Name | None = None


def literal(text: str) -> str:
    """A string literal, in double quotes where they need no more escapes than single ones."""
    shown = repr(text)
    if shown[0] == '"' or text.count('"') > text.count("'"):
        return shown
    # With an apostrophe before it and no double quote in it, repr puts a piece into double quotes.
    return '"' + '\\"'.join(repr(f"'{piece}")[2:-1] for piece in text.split('"')) + '"'


def written(value: Value, indent: int = 0, before: int = 0, after: int = 0) -> str:
    """The source of a value. ``before`` and ``after`` are the characters on its first and last line beside it."""
    return _written(value, indent, before, after, {})


def _written(value: Value, indent: int, before: int, after: int, flats: dict[int, str]) -> str:
    flat = _flat(value, flats)
    if indent * len(INDENT) + before + len(flat) + after <= WIDTH or not _breakable(value):
        return flat
    opening, items, closing = _parts(value)
    inner = INDENT * (indent + 1)
    lines = [f"{inner}{prefix}{_written(item, indent + 1, len(prefix), 1, flats)}," for prefix, item in items]
    return "\n".join([opening, *lines, INDENT * indent + closing])


def _flat(value: Value, flats: dict[int, str]) -> str:
    """On one line. ``flats`` keeps, by the identity of parts of one value, what is asked for at each level of it."""
    if isinstance(value, str):
        return literal(value)
    if value is None or isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Name):
        return value.text
    if isinstance(value, Unpacked):
        return f"*{value.name.text}"
    if id(value) not in flats:
        opening, items, closing = _parts(value)
        flats[id(value)] = opening + ", ".join(prefix + _flat(item, flats) for prefix, item in items) + closing
    return flats[id(value)]


def _breakable(value: Value) -> bool:
    return not (value is None or isinstance(value, str | int | float | Name | Unpacked)) and bool(_parts(value)[1])


@lru_cache(maxsize=1024)
def _named(name: str) -> str:
    return f"{Name(name).text}="


def _parts(value: Value) -> tuple[str, list[tuple[str, Value]], str]:
    """Opening bracket, (prefix, item) of each item, closing bracket."""
    if isinstance(value, Call):
        items: list[tuple[str, Value]] = [("", item) for item in value.arguments]
        items += [(_named(name), item) for name, item in value.named.items()]
        if value.unpacked:
            items.append(("**", value.unpacked))
        return f"{value.function.text}(", items, ")"
    if isinstance(value, Mapping):
        return "{", [(f"{literal(name)}: ", item) for name, item in value.items()], "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[", [("", item) for item in value], "]"
    raise TypeError(f"{type(value).__name__} has no literal here")


def names_in(value: Value) -> Iterator[str]:
    """The first part of each name that a value's source uses."""
    if isinstance(value, Name):
        yield value.text.partition(".")[0]
    elif isinstance(value, Unpacked):
        yield from names_in(value.name)
    elif isinstance(value, Call):
        yield from names_in(value.function)
        for item in (*value.arguments, *value.named.values(), *([value.unpacked] if value.unpacked else [])):
            yield from names_in(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from names_in(item)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            yield from names_in(item)
