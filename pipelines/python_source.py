"""Values and calls written as Python, laid out as ruff lays them out. Text only ever becomes a string literal."""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

WIDTH = 120
INDENT = "    "

Scalar: TypeAlias = str | int | float | bool | None
Value: TypeAlias = "Scalar | Call | Name | Sequence[Value] | Mapping[str, Value]"


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
class Call:
    """``function(*arguments, **named, **unpacked)``; named arguments that are None are left out by the caller."""

    function: Name
    named: Mapping[str, Value] = field(default_factory=dict)
    arguments: Sequence[Value] = ()
    unpacked: Name | None = None


def literal(text: str) -> str:
    """A string literal, in double quotes where Python's repr allows."""
    shown = repr(text)
    return f'"{shown[1:-1]}"' if shown[0] == "'" and '"' not in text and "\\'" not in shown else shown


def written(value: Value, indent: int = 0, before: int = 0, after: int = 0) -> str:
    """The source of a value. ``before`` and ``after`` are the characters on its first and last line beside it."""
    flat = _flat(value)
    if indent * len(INDENT) + before + len(flat) + after <= WIDTH or not _breakable(value):
        return flat
    opening, items, closing = _parts(value)
    inner = INDENT * (indent + 1)
    lines = [f"{inner}{prefix}{written(item, indent + 1, before=len(prefix), after=1)}," for prefix, item in items]
    return "\n".join([opening, *lines, INDENT * indent + closing])


def _flat(value: Value) -> str:
    if isinstance(value, str):
        return literal(value)
    if value is None or isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Name):
        return value.text
    opening, items, closing = _parts(value)
    return opening + ", ".join(prefix + _flat(item) for prefix, item in items) + closing


def _breakable(value: Value) -> bool:
    return not (value is None or isinstance(value, str | int | float | Name)) and bool(_parts(value)[1])


def _parts(value: Value) -> tuple[str, list[tuple[str, Value]], str]:
    """Opening bracket, (prefix, item) of each item, closing bracket."""
    if isinstance(value, Call):
        items: list[tuple[str, Value]] = [("", item) for item in value.arguments]
        items += [(f"{Name(name).text}=", item) for name, item in value.named.items()]
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
