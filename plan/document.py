"""What a change of a stack says to a reader, in spans of trusted words and of text that anybody may have written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

#: Values of one entry that are shown; the rest is counted.
SHOWN = 8
Item = TypeVar("Item")


@dataclass(frozen=True)
class Quoted:
    """Text from the repository: never markup, never a command, never a mention."""

    text: str


Span = str | Quoted
Line = tuple[Span, ...]


@dataclass(frozen=True)
class Entry:
    """One line and what stands below it. ``kind`` groups: where not all fit, each kind shows its first."""

    line: Line
    below: tuple[Line, ...] = ()
    kind: str = ""


@dataclass(frozen=True)
class Section:
    """``unit`` names what the entries are, for the count of those that do not fit; ``open`` ones are not folded."""

    title: str
    unit: str
    entries: tuple[Entry, ...]
    open: bool = False


@dataclass(frozen=True)
class Document:
    """The summary is a few lines of bounded length; sections are in the order of their weight."""

    stack: str
    summary: tuple[Line, ...]
    sections: tuple[Section, ...] = field(default=())


def spread(entries: Sequence[Entry]) -> list[Entry]:
    """The first of each kind, then the second of each, ...: a thousand of one hide none of another."""
    rank: dict[str, int] = {}
    ranked = []
    for number, entry in enumerate(entries):
        rank[entry.kind] = rank.get(entry.kind, 0) + 1
        ranked.append((rank[entry.kind], number, entry))
    return [entry for _, _, entry in sorted(ranked, key=lambda one: one[:2])]


def some(items: Sequence[Item], most: int = SHOWN) -> tuple[Sequence[Item], int]:
    """The first items, and how many more there are."""
    return items[:most], max(0, len(items) - most)


def listed(items: Sequence[str], most: int = SHOWN) -> Iterable[Span]:
    """Quoted items, with commas, and the count of those left out."""
    first, more = some(items, most)
    for number, item in enumerate(first):
        if number:
            yield ", "
        yield Quoted(item)
    if more:
        yield f" and {more} more"
