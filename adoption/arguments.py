"""The named things of a call, of ``dict(...)`` or of a dictionary display, and the edits that change them in place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import libcst as cst

from adoption.records import Edit
from adoption.syntax import NEWLINE, Source
from pipelines.python_source import literal


@dataclass(frozen=True, eq=False)
class Item:
    """``name=value`` of a call, ``"name": value`` of a dictionary, or an element of a list, whose name is empty."""

    name: str
    node: cst.CSTNode
    value: cst.BaseExpression
    start: int
    end: int


class Items:
    """What stands between a pair of brackets, in order. ``unknown``: something there has no name that can be read."""

    def __init__(self, source: Source, node: cst.Call | cst.Dict | cst.List | cst.Tuple) -> None:
        self.source = source
        self.node = node
        self.is_call = isinstance(node, cst.Call)
        self.span = source.span(node)
        self.all: tuple[Item, ...] = tuple(self._read())
        self.unknown = any(not item.name for item in self.all)
        self._by_name = {item.name: item for item in self.all}

    def get(self, name: str) -> Item | None:
        return self._by_name.get(name)

    def renamed(self, item: Item, name: str) -> Edit:
        start, _ = self.source.span(item.value)
        equals = self.source.text[item.start : start]
        old = self.source.text_of(_key(item.node))
        return Edit(item.start, item.start + len(old), self._name(name)) if equals.startswith(old) else Edit(0, 0, "")

    def revalued(self, item: Item, text: str) -> Edit:
        return Edit(*self.source.span(item.value), text)

    def rewritten(self, item: Item, name: str, text: str) -> Edit:
        """Another name and another value, in place."""
        return Edit(item.start, item.end, self._pair(name, text))

    def added(self, pairs: Mapping[str, str]) -> Edit:
        """Before the first item that no comment stands above."""
        anchor = next((item for item in self.all if item.name and not self._commented(item)), None)
        if anchor is None:
            end = self.source.span(self.node)[1] - 1
            text = ", ".join(self._pair(name, value) for name, value in pairs.items())
            return Edit(end, end, f", {text}" if self.all and not self._comma_after(self.all[-1]) else text)
        between = self._line_break(anchor)
        return Edit(anchor.start, anchor.start, "".join(f"{self._pair(*pair)},{between}" for pair in pairs.items()))

    def removed(self, gone: Collection[Item]) -> dict[Item, Edit]:
        """Items with their commas; whole lines where they stand on lines of their own. Those side by side share an
        edit."""
        edits: dict[Item, Edit] = {}
        run = list[int]()
        for number in range(len(self.all) + 1):
            if number < len(self.all) and self.all[number] in gone:
                run.append(number)
            elif run:
                edits |= dict.fromkeys((self.all[one] for one in run), self._without(run[0], run[-1]))
                run = []
        return edits

    def _without(self, first: int, last: int) -> Edit:
        text = self.source.text
        start, end = self.all[first].start, self.all[last].end
        line = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
        after = self._after_comma(last)
        rest = NEWLINE.search(text, after)
        if rest and not text[line:start].strip() and _only_comment(text[after : rest.start()]) and after > end:
            return Edit(line, rest.end(), "")
        following = self.all[last + 1].start if last + 1 < len(self.all) else None
        before = self.all[first - 1].end if first else None
        beside = following is not None and not NEWLINE.search(text, after, following)
        if before is not None and not beside and "#" not in text[before:start]:
            return Edit(before, end, "")
        if following is not None and "#" not in text[after:following]:
            return Edit(start, following, "")
        return Edit(start, after, "")

    def _after_comma(self, number: int) -> int:
        """The offset after an item's comma, or after the item where it has none."""
        end = self.all[number].end
        return self.source.text.index(",", end) + 1 if self._comma_after(self.all[number]) else end

    def _comma_after(self, item: Item) -> bool:
        comma = getattr(item.node, "comma", None)
        return isinstance(comma, cst.Comma)

    def _commented(self, item: Item) -> bool:
        line = self.source.text.rfind("\n", 0, item.start)
        above = self.source.text[self.source.text.rfind("\n", 0, max(line, 0)) + 1 : max(line, 0)]
        return above.strip().startswith("#") and not self.source.text[line + 1 : item.start].strip()

    def _line_break(self, item: Item) -> str:
        """What stands between two items: a new line with the item's indentation, or a blank."""
        line = max(self.source.text.rfind("\n", 0, item.start), self.source.text.rfind("\r", 0, item.start)) + 1
        before = self.source.text[line : item.start]
        opening = self.source.span(self.node)[0]
        if not before.strip():
            return self._newline() + before
        # The first item beside the bracket, the others below it.
        others = [one for one in self.all if one.start > item.start]
        if others and "\n" in self.source.text[item.end : others[0].start]:
            return self._newline() + " " * len(before)
        return " " if opening < item.start else ""

    def _newline(self) -> str:
        found = NEWLINE.search(self.source.text)
        return found.group() if found else "\n"

    def _pair(self, name: str, value: str) -> str:
        return f"{name}={value}" if self.is_call else f"{self._name(name)}: {value}"

    def _name(self, name: str) -> str:
        return name if self.is_call else literal(name)

    def _read(self) -> Iterator[Item]:
        if isinstance(self.node, cst.Call):
            for argument in self.node.args:
                name = argument.keyword.value if argument.keyword else ""
                yield Item(name, argument, argument.value, *self.source.span(argument))
            return
        for element in self.node.elements:
            name = ""
            if isinstance(element, cst.DictElement):
                found = self.source.value(element.key)
                name = found if isinstance(found, str) else ""
            yield Item(name, element, element.value, *self.source.span(element))


def _key(node: cst.CSTNode) -> cst.CSTNode:
    return node.keyword if isinstance(node, cst.Arg) and node.keyword else getattr(node, "key", node)


def _only_comment(text: str) -> bool:
    return not text.strip() or text.strip().startswith("#")


def call_text(function: str, named: Sequence[tuple[str, str]]) -> str:
    """``function(name=value, ...)`` on one line."""
    return f"{function}({', '.join(f'{name}={value}' for name, value in named)})"
