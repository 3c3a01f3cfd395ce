"""One Python file as a concrete syntax tree with places, spans and the full names of what it imports."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import libcst as cst
from libcst.metadata import (
    ExpressionContextProvider,
    MetadataWrapper,
    ParentNodeProvider,
    PositionProvider,
    QualifiedNameProvider,
    QualifiedNameSource,
)

from adoption.moved import now
from pipelines.errors import InputError, Problem

#: Bytes; of such a file the tree and its names take ten seconds.
LARGEST = 128 * 1024
#: Levels of the syntax tree: the parser's native part has a stack of a fixed size.
DEEPEST = 120
NEWLINE = re.compile(r"\r\n|\r|\n")
LONGEST_SHOWN = 60
PROVIDERS = (PositionProvider, QualifiedNameProvider, ParentNodeProvider, ExpressionContextProvider)


class Source:
    """A file's text, tree and places; ``shown_as`` is its name in messages.

    Raises InputError, with one Problem, for what is no Python, too large or nested too deeply.
    """

    def __init__(self, content: bytes, shown_as: str) -> None:
        self.shown_as = shown_as
        self.text, self.encoding = _decoded(content, shown_as)
        _check_depth(self.text, shown_as)
        try:
            wrapper = MetadataWrapper(cst.parse_module(self.text), unsafe_skip_copy=True)
            self._metadata: dict[Any, Any] = dict(wrapper.resolve_many(PROVIDERS))
        except cst.ParserSyntaxError as error:
            place = f"{shown_as}:{error.raw_line}:{error.raw_column + 1}"
            raise InputError([Problem(place, "", "invalid syntax", "Python", "correct it")]) from None
        except RecursionError:
            raise InputError([_too_deep(shown_as)]) from None
        self.module = wrapper.module
        self._lines = [0, *(match.end() for match in NEWLINE.finditer(self.text))]

    def text_of(self, node: cst.CSTNode) -> str:
        start, end = self.span(node)
        return self.text[start:end]

    def shown(self, node: cst.CSTNode) -> str:
        """A node's text on one short line."""
        flat = " ".join(self.text_of(node).split())
        return flat if len(flat) <= LONGEST_SHOWN else f"{flat[: LONGEST_SHOWN - 3]}..."

    def span(self, node: cst.CSTNode) -> tuple[int, int]:
        """Offsets in the text, without the white space around."""
        where = self._metadata[PositionProvider][node]
        return self._offset(where.start), self._offset(where.end)

    def place(self, node: cst.CSTNode) -> tuple[int, int]:
        """Line and column, from 1."""
        start = self._metadata[PositionProvider][node].start
        return start.line, start.column + 1

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        found: cst.CSTNode | None = self._metadata[ParentNodeProvider].get(node)
        return found

    def imported(self, node: cst.CSTNode) -> frozenset[str]:
        """The full names that a name or attribute may stand for, as the file's imports say it: two where one stands in
        an ``except ImportError``."""
        found = self._metadata[QualifiedNameProvider].get(node, frozenset())
        known = found() if callable(found) else found
        return frozenset(one.name for one in known if one.source is QualifiedNameSource.IMPORT)

    def called(self, call: cst.Call) -> str:
        """The one thing that a call calls, by its name in today's Airflow; empty for anything else."""
        names = {now(name) for name in self.imported(call.func)}
        return names.pop() if len(names) == 1 else ""

    def all(self, kind: Any) -> list[Any]:
        """All nodes of a kind, in the order of the file."""
        return self._by_kind.get(kind, [])

    def value(self, node: cst.CSTNode | None) -> Any:
        """A literal's value; a Missing for anything else."""
        try:
            return ast.literal_eval(self.text_of(node)) if node is not None else MISSING
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return MISSING

    def resolved(self, node: cst.BaseExpression) -> cst.BaseExpression:
        """What stands behind a name that the module binds exactly once, at its top level; else the node itself."""
        bound = self._bound.get(node.value, []) if isinstance(node, cst.Name) else []
        return bound[0] if len(bound) == 1 and bound[0] is not None else node

    def uses(self, name: str) -> list[cst.Name]:
        """Where a name is read."""
        return [
            node
            for node in self.all(cst.Name)
            if node.value == name
            and getattr(self._metadata[ExpressionContextProvider].get(node), "name", "") == "LOAD"
            and not isinstance(self.parent(node), cst.ImportAlias | cst.AsName)
            and getattr(self.parent(node), "attr", None) is not node
        ]

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name that the file binds in any way or reads."""
        return frozenset(
            node.value
            for node in self.all(cst.Name)
            if not isinstance(parent := self.parent(node), cst.Attribute | cst.Arg) or parent.value is node
        )

    @cached_property
    def _bound(self) -> dict[str, list[cst.BaseExpression | None]]:
        """Name -> what is assigned to it; None where that is no plain assignment at the top level."""
        bound: dict[str, list[cst.BaseExpression | None]] = {}
        top = {id(part) for line in self.module.body if isinstance(line, cst.SimpleStatementLine) for part in line.body}
        seen = set[int]()
        for assign in self.all(cst.Assign):
            for target in assign.targets:
                if isinstance(target.target, cst.Name):
                    seen.add(id(target.target))
                    bound.setdefault(target.target.value, []).append(assign.value if id(assign) in top else None)
        for node in self.all(cst.Name):
            context = self._metadata[ExpressionContextProvider].get(node)
            if id(node) not in seen and getattr(context, "name", "") in ("STORE", "DEL"):
                bound.setdefault(node.value, []).append(None)
        return bound

    @cached_property
    def _by_kind(self) -> dict[Any, list[Any]]:
        found: dict[Any, list[Any]] = {}
        pending: list[cst.CSTNode] = [self.module]
        while pending:
            node = pending.pop()
            found.setdefault(type(node), []).append(node)
            pending.extend(reversed(node.children))
        return found

    def _offset(self, position: Any) -> int:
        return int(self._lines[position.line - 1] + position.column)


class Missing:
    """No literal: no value equals it."""


MISSING = Missing()


def _decoded(content: bytes, shown_as: str) -> tuple[str, str]:
    if len(content) > LARGEST:
        found, fix = f"{len(content)} bytes", "move data out of the DAG file"
        raise InputError([Problem(shown_as, "", found, f"at most {LARGEST} bytes", fix)])
    if b"\0" in content:
        raise InputError([Problem(shown_as, "", "a NUL byte", "Python", "correct it")])
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
        if text.encode(encoding) != content:
            raise ValueError(f"text that {encoding} writes in another way")
    except (SyntaxError, ValueError, LookupError) as error:
        raise InputError([Problem(shown_as, "", str(error), "Python in the encoding it names", "correct it")]) from None
    return text, encoding


def _check_depth(text: str, shown_as: str) -> None:
    """Python's own parser first: it bounds what it takes."""
    try:
        tree = ast.parse(text.encode("utf-8", "surrogatepass"), shown_as)
    except SyntaxError as error:
        place = f"{shown_as}:{error.lineno}:{error.offset}" if error.lineno and error.offset else shown_as
        raise InputError([Problem(place, "", error.msg, "Python", "correct it")]) from None
    except (ValueError, RecursionError, MemoryError):
        raise InputError([_too_deep(shown_as)]) from None
    if any(depth > DEEPEST for depth in _depths(tree)):
        raise InputError([_too_deep(shown_as)])


def _depths(tree: ast.AST) -> Iterator[int]:
    pending = [(tree, 0)]
    while pending:
        node, depth = pending.pop()
        yield depth
        pending.extend((child, depth + 1) for child in ast.iter_child_nodes(node))


def _too_deep(shown_as: str) -> Problem:
    found = "expressions nested too deeply to be read"
    return Problem(shown_as, "", found, f"Python of at most {DEEPEST} levels", "simplify it")
