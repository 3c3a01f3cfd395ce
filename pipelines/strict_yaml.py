"""One YAML document, read safely, with the place of each key and value.

Read from the parser's events, so that nothing is built of what is refused: anchors, aliases, merge keys, tags, keys
that are no plain names, keys that stand twice. Keys are text as written: ``on`` is no truth value, ``1`` no number.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from yaml.reader import Reader

from pipelines.errors import Problem, plain

MAXIMUM_BYTES = 1 << 18
MAXIMUM_DEPTH = 40
#: Characters of a dotted key, and of a number: more only makes messages, and memory, explode.
MAXIMUM_KEY, MAXIMUM_NUMBER = 500, 40
#: Of one file: who has more mistakes than that reads no further.
MOST_PROBLEMS = 100
TYPED = frozenset(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "timestamp"))
NUMBERS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("int", "float"))
MERGE = "tag:yaml.org,2002:merge"
LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
#: libyaml reads ten times as fast, and is in every wheel of PyYAML.
Loader: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


class Place(NamedTuple):
    """From one, as editors count: line and column of a key, and the column of its value where that begins on the
    key's line."""

    line: int
    column: int
    value_column: int


@dataclass(frozen=True)
class Document:
    """``places`` by dotted key (``tasks.extract.env``, ``tags.0``), of the document itself by ``""``; ``sha256`` of
    the file."""

    content: Any
    places: Mapping[str, Place]
    sha256: str


def read_yaml(path: Path, shown_as: str, what: str = "a DAG config") -> tuple[Document | None, list[Problem]]:
    """The document, or what is wrong with it, each with ``file:line:column``; ``what`` it should be."""
    start = f"{shown_as}:1:1"
    if path.stat().st_size > MAXIMUM_BYTES:
        return None, [Problem(start, "", f"{path.stat().st_size} bytes", f"at most {MAXIMUM_BYTES}", "split it")]
    content = path.read_bytes()
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        place = _after(content[: error.start].decode(), shown_as)
        found = f"{content[error.start]:#x}, {error.reason}"
        return None, [Problem(place, "", found, "text in UTF-8", "save it as UTF-8")]
    if forbidden := Reader.NON_PRINTABLE.search(text):
        found = f"U+{ord(forbidden[0]):04X}: a control character"
        return None, [Problem(_after(text[: forbidden.start()], shown_as), "", found, "text", "remove it")]
    reading = _Reading(Loader(text), shown_as, what)
    try:
        value = reading.document()
    except yaml.MarkedYAMLError as error:
        found = error.problem or "no YAML"
        place = _within(error.problem_mark or error.context_mark, text, shown_as)
        return None, [*reading.problems, Problem(place, "", plain(found), *_advice(found))]
    except _RefusedError:
        return None, reading.problems
    finally:
        reading.loader.dispose()
    if reading.problems:
        return None, reading.problems
    return Document(value, reading.places, hashlib.sha256(content).hexdigest()), []


@lru_cache(maxsize=4096)
def _tag(text: str) -> str | None:
    """What an unquoted scalar looks like, as PyYAML's resolver has it; None for text."""
    known: Any = yaml.SafeLoader.yaml_implicit_resolvers
    return next((tag for tag, pattern in known.get(text[:1], ()) if pattern.match(text)), None)


def _advice(found: str) -> tuple[str, str]:
    """What is expected, and the fix, of what the parser refuses."""
    if "cannot start any token" in found:
        return "YAML", "indent with spaces, never tabs; quote text that begins with @, `, % or a tab"
    if "mapping values are not allowed" in found:
        return "YAML", "quote a value that holds ': ', or correct the indentation"
    return "YAML", "correct it"


def _within(mark: Any, text: str, shown_as: str) -> str:
    """The place of a mark; the parser has those of the end on a line that no editor shows."""
    lines = LINE_BREAK.split(text.rstrip())
    if mark is None or mark.line >= len(lines):
        return f"{shown_as}:{len(lines)}:{len(lines[-1]) + 1}"
    return f"{shown_as}:{mark.line + 1}:{mark.column + 1}"


def _after(before: str, shown_as: str) -> str:
    lines = LINE_BREAK.split(before)
    return f"{shown_as}:{len(lines)}:{len(lines[-1]) + 1}"


class _RefusedError(Exception):
    """The rest of the document is not worth reading."""


@dataclass
class _Reading:
    loader: Any
    shown_as: str
    what: str
    places: dict[str, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def document(self) -> Any:
        self.loader.get_event()
        begin = self.loader.get_event()
        if not isinstance(begin, yaml.DocumentStartEvent):
            fix = "write one, or remove the file"
            self.problems.append(Problem(f"{self.shown_as}:1:1", "", "nothing", self.what, fix))
            raise _RefusedError
        event = self.loader.get_event()
        self.places[""] = self._at(event)
        value = self._value(event, "", 0)
        self.loader.get_event()
        after = self.loader.get_event()
        if isinstance(after, yaml.DocumentStartEvent):
            self._refuse(after, "", "a second document", f"{self.what}, one a file", "move it to a file of its own")
        return value

    def _value(self, event: Any, key: str, depth: int) -> Any:
        if depth > MAXIMUM_DEPTH:
            self._refuse(event, "", "nested too deeply", f"at most {MAXIMUM_DEPTH} levels", "flatten it")
            raise _RefusedError
        if len(key) > MAXIMUM_KEY:
            found = f"{len(key)} characters of keys, one in the other"
            self._refuse(event, "", found, f"at most {MAXIMUM_KEY}", "shorten the keys")
            raise _RefusedError
        if isinstance(event, yaml.AliasEvent):
            self._refuse(event, key, f"an alias: *{event.anchor}", "the value itself", "write it out")
            return None
        if event.anchor:
            self._refuse(event, key, f"an anchor: &{event.anchor}", "the value alone", "remove it")
        if event.tag not in (None, "!"):
            self._refuse(event, key, f"a tag: {event.tag}", "the value alone", "remove it")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, key)
        if isinstance(event, yaml.SequenceStartEvent):
            return list(self._items(key, depth))
        return dict(self._entries(key, depth))

    def _items(self, key: str, depth: int) -> Iterator[Any]:
        for position, event in enumerate(self._until(yaml.SequenceEndEvent)):
            below = f"{key}.{position}" if key else str(position)
            self.places[below] = self._at(event)
            yield self._value(event, below, depth + 1)

    def _entries(self, key: str, depth: int) -> Iterator[tuple[str, Any]]:
        lines: dict[str, int] = {}
        for event in self._until(yaml.MappingEndEvent):
            name = self._name(event, key, depth)
            value = self.loader.get_event()
            below = f"{key}.{name}" if key and name is not None else name or ""
            if name is None:
                self._value(value, key, depth + 1)
            elif name in lines:
                found, expected = "the key a second time", f"each key once: line {lines[name]} has it"
                self._refuse(event, below, found, expected, "remove one")
                self._value(value, below, depth + 1)
            else:
                lines[name] = event.start_mark.line + 1
                self.places[below] = self._at(event, value)
                yield name, self._value(value, below, depth + 1)

    def _until(self, end: type) -> Iterator[Any]:
        while not isinstance(event := self.loader.get_event(), end):
            yield event

    def _name(self, event: Any, key: str, depth: int) -> str | None:
        """The text of a key, None where it is none."""
        words = ("a key that is no plain name", "a name", "write the keys out")
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse(event, key, *words)
            if not isinstance(event, yaml.AliasEvent):
                self._value(event, key, depth + 1)
            return None
        if event.anchor or event.tag not in (None, "!") or (event.implicit[0] and _tag(event.value) == MERGE):
            self._refuse(event, key, *words)
            return None
        text: str = event.value
        return text if self._is_text(event, key, " in a key") else None

    def _scalar(self, event: Any, key: str) -> Any:
        text = event.value
        tag = _tag(text) if event.implicit[0] else None
        if tag not in TYPED:
            self._is_text(event, key, "")
            return text
        if tag in NUMBERS and len(text) > MAXIMUM_NUMBER:
            found, expected = f"a number of {len(text)} characters", f"at most {MAXIMUM_NUMBER}"
            self._refuse(event, key, found, expected, "correct it, or quote it")
            return None
        node = yaml.ScalarNode(tag, text, event.start_mark, event.end_mark)
        try:
            return self.loader.construct_object(node)
        except (ValueError, OverflowError) as error:
            # PyYAML's own constructors: 2026-13-45 looks like a date.
            self._refuse(event, key, f"{text}: {error}", "a value that exists", "correct it, or quote it")
            return None

    def _is_text(self, event: Any, key: str, where: str) -> bool:
        if event.value.isascii():
            return True
        try:
            event.value.encode()
        except UnicodeEncodeError:
            self._refuse(event, key, f"half of a surrogate pair{where}", "text", "correct it")
            return False
        return True

    def _refuse(self, event: Any, key: str, found: str, expected: str, fix: str) -> None:
        mark = event.start_mark
        place = f"{self.shown_as}:{mark.line + 1}:{mark.column + 1}"
        self.problems.append(Problem(place, plain(key), plain(found), expected, fix))
        if len(self.problems) > MOST_PROBLEMS:
            self.problems[-1] = Problem(place, "", "more problems from here on", "none", "correct those above first")
            raise _RefusedError

    def _at(self, event: Any, value: Any = None) -> Place:
        line, column = event.start_mark.line, event.start_mark.column
        beside = value is not None and value.start_mark.line == line and value.start_mark.column > column
        return Place(line + 1, column + 1, (value.start_mark.column if beside else column) + 1)
