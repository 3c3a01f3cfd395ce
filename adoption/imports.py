"""Import statements: names that moved, names that are gone, and those that edits need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import libcst as cst

from adoption.draft import NOTHING, Draft
from adoption.moved import GONE, MOVED, removed
from adoption.records import Edit
from adoption.syntax import NEWLINE


@dataclass(frozen=True)
class Moved:
    """A name of an import: where it is from now on, and how the file calls it."""

    alias: cst.ImportAlias
    full: str
    module: str
    name: str
    local: str | None

    @property
    def text(self) -> str:
        return f"{self.name} as {self.local}" if self.local and self.local != self.name else self.name


def apply(draft: Draft) -> None:
    """All imports of Airflow's names; last of the rules, since it removes names that the others made useless."""
    for statement in draft.source.all(cst.Import):
        for alias in statement.names:
            if removed(draft.source.text_of(alias.name)):
                draft.leave(alias, "Airflow 3 has no such module")
    for statement in draft.source.all(cst.ImportFrom):
        if statement.module is not None and not statement.relative:
            _statement(draft, statement)


def added(draft: Draft) -> list[Edit]:
    """The imports that edits need, after the first block of imports of the module."""
    if not draft.wanted:
        return []
    text = draft.source.text
    newline = NEWLINE.search(text)
    between = newline.group() if newline else "\n"
    statements = [*_grouped(draft.wanted)]
    last, first = _first_block(draft)
    if last is None:
        return [Edit(first, first, "".join(f"{line}{between}" for line in statements))]
    if found := NEWLINE.search(text, draft.source.span(last)[1]):
        return [Edit(found.end(), found.end(), "".join(f"{line}{between}" for line in statements))]
    return [Edit(len(text), len(text), "".join(f"{between}{line}" for line in statements))]


def _first_block(draft: Draft) -> tuple[cst.CSTNode | None, int]:
    """The last of the first imports of the module; where there are none, the offset of its first statement."""
    last: cst.CSTNode | None = None
    first = 0
    for number, line in enumerate(draft.source.module.body):
        simple = line.body[0] if isinstance(line, cst.SimpleStatementLine) else None
        if isinstance(simple, cst.Import | cst.ImportFrom):
            last = line
        elif last is not None:
            break
        elif number <= 1 and not first and not (isinstance(simple, cst.Expr) and number == 0):
            first = draft.source.span(line)[0]
    return last, first


def _grouped(statements: Iterable[str]) -> list[str]:
    """One statement a module, its names sorted."""
    names: dict[str, set[str]] = {}
    for statement in statements:
        head, _, tail = statement.partition(" import ")
        names.setdefault(head, set()).add(tail)
    return [
        f"{head} import {', '.join(sorted(tails))}".removesuffix(" import ") for head, tails in sorted(names.items())
    ]


def _statement(draft: Draft, statement: cst.ImportFrom) -> None:
    module = draft.source.text_of(statement.module) if statement.module else ""
    if isinstance(statement.names, cst.ImportStar):
        if any(full.startswith(f"{module}.") for full in (*MOVED, *GONE)) and removed(f"{module}.x"):
            draft.leave(statement, "Airflow 3 has no such module: name what you use")
        return
    moved: list[Moved] = []
    dropped: list[cst.ImportAlias] = []
    for alias in statement.names:
        full = f"{module}.{draft.source.text_of(alias.name)}"
        if full in MOVED:
            moved.append(_moved(draft, alias, full))
        elif _useless(draft, alias, full):
            dropped.append(alias)
        elif full in GONE:
            draft.leave(
                alias, f"Airflow 3 has {GONE[full].rpartition('.')[2]} instead, of {GONE[full].rpartition('.')[0]}"
            )
        elif removed(full):
            draft.leave(alias, f"Airflow 3 has no {module}: see the providers' operators")
    if moved or dropped:
        _edit(draft, statement, module, moved, dropped)


def _useless(draft: Draft, alias: cst.ImportAlias, full: str) -> bool:
    """Whether edits have replaced every use of a name that would otherwise fail, or is nowhere else needed."""
    local = draft.source.text_of(alias.asname.name if alias.asname else alias.name)
    used = [node for node in draft.source.uses(local) if id(node) not in draft.replaced_names]
    return not used and (full in GONE or (full == "airflow.configuration.conf" and bool(draft.source.uses(local))))


def _moved(draft: Draft, alias: cst.ImportAlias, full: str) -> Moved:
    module, _, name = MOVED[full].rpartition(".")
    old = full.rpartition(".")[2]
    local = draft.source.text_of(alias.asname.name) if alias.asname else None
    if name == old or local:
        return Moved(alias, full, module, name, local)
    if name in draft.source.names and name not in _imported_as(draft, f"{module}.{name}"):
        return Moved(alias, full, module, name, old)
    return Moved(alias, full, module, name, None)


def _imported_as(draft: Draft, full: str) -> set[str]:
    """Names under which the file has something that stands for ``full`` already."""
    return {
        draft.source.text_of(one.asname.name if one.asname else one.name)
        for statement in draft.source.all(cst.ImportFrom)
        if statement.module is not None and not isinstance(statement.names, cst.ImportStar)
        for one in statement.names
        if (known := f"{draft.source.text_of(statement.module)}.{draft.source.text_of(one.name)}")
        and (known == full or MOVED.get(known) == full)
    }


def _edit(
    draft: Draft, statement: cst.ImportFrom, module: str, moved: list[Moved], dropped: list[cst.ImportAlias]
) -> None:
    line = draft.source.parent(statement)
    if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
        draft.leave(statement, "an import beside other statements on one line: write it on a line of its own")
        return
    names = list(statement.names) if not isinstance(statement.names, cst.ImportStar) else []
    edits = _edits(draft, statement, line, module, names, moved, dropped)
    if edits is None:
        draft.leave(statement, "nothing of this is in Airflow 3, and the block holds nothing else: take it away")
        return
    for one in moved:
        renames = [
            Edit(*draft.source.span(use), one.name)
            for use in draft.source.uses(one.full.rpartition(".")[2])
            if one.local is None and one.name != one.full.rpartition(".")[2] and one.full in draft.source.imported(use)
        ]
        becomes = f"from {one.module} import {one.text}"
        draft.change(one.alias, becomes, f"moved from {module}", [*edits, *renames])
        edits = []
    for alias in dropped:
        draft.change(alias, NOTHING, f"{module} is no more, and nothing uses it now", edits)
        edits = []


def _edits(
    draft: Draft,
    statement: cst.ImportFrom,
    line: cst.SimpleStatementLine,
    module: str,
    names: list[cst.ImportAlias],
    moved: list[Moved],
    dropped: list[cst.ImportAlias],
) -> list[Edit] | None:
    source = draft.source
    targets = {one.module for one in moved}
    if len(moved) == len(names) and len(targets) == 1 and statement.module is not None:
        renamed = [Edit(*source.span(one.alias), one.text) for one in moved if source.text_of(one.alias) != one.text]
        return [Edit(*source.span(statement.module), targets.pop()), *renamed]
    start, end = source.span(statement)
    if len(dropped) == len(names):
        if not isinstance(source.parent(line), cst.Module):
            return None
        following = NEWLINE.search(source.text, end)
        return [Edit(start, following.end() if following else len(source.text), "")]
    places: dict[str, list[str]] = {}
    by_alias: Mapping[int, Moved] = {id(one.alias): one for one in moved}
    for alias in names:
        if alias not in dropped:
            one = by_alias.get(id(alias))
            name = source.text_of(alias.name) + (f" as {source.text_of(alias.asname.name)}" if alias.asname else "")
            places.setdefault(one.module if one else module, []).append(one.text if one else name)
    indent = source.text[source.text.rfind("\n", 0, start) + 1 : start]
    newline = NEWLINE.search(source.text)
    between = (newline.group() if newline else "\n") + indent
    return [Edit(start, end, between.join(f"from {place} import {', '.join(them)}" for place, them in places.items()))]
