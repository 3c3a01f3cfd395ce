"""Two plans of one stack, or what stood in the way of one of them, as a document for a reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from plan import causes, differences
from plan.causes import Cause, DagChange, ImageChange
from plan.differences import Field, ResourceChange
from plan.document import Document, Entry, Line, Quoted, Section, Span, listed, some
from plan.model import Plan
from plan.risks import KINDS, Risk, risks, worst

OPERATIONS = {
    "create": "create",
    "update": "update",
    "replace": "**replace**",
    "delete": "**delete**",
    "change": "change",
}
WHATS = {"platforms": "platforms", "recipe": "how images are built changed", "place": "the same content, elsewhere"}


@dataclass(frozen=True)
class Broken:
    """Why there is no plan of one side: what its program said."""

    message: str


def explain(
    stack: str, before: Plan | Broken | None, after: Plan | Broken, sizes: Mapping[str, int] | None = None
) -> Document:
    """The document. ``before`` is None where the stack did not exist; ``sizes`` are what a registry told, in bytes to
    pull, by reference.
    """
    if isinstance(after, Broken):
        return _broken(stack, before, after)
    if not isinstance(before, Plan):
        return _alone(stack, before, after)
    return _compared(before, after, {**_recorded(before), **_recorded(after), **(sizes or {})})


def _recorded(plan: Plan) -> dict[str, int]:
    """Reference -> bytes to pull, of images whose last recorded build had this very content."""
    images = [image for image in plan.images.values() if image.recorded and image.recorded.key == image.key]
    return {image.reference: image.recorded.to_pull for image in images if image.recorded}


def _compared(before: Plan, after: Plan, sizes: Mapping[str, int]) -> Document:
    images, dags = causes.images(before, after), causes.dags(before, after)
    files, touched = causes.hand_written(before, after), differences.resources(before, after)
    objects, settings = differences.rendered(before, after), differences.settings(before, after)
    dangers = risks(before, after)
    sections = (
        Section("Risks", "risks", tuple(_risk(one) for one in dangers), open=True),
        Section("Images", "images", tuple(_image(one, sizes) for one in images)),
        Section("DAGs", "DAGs", (*(_dag(one) for one in dags), *(_file(*one) for one in files.items()))),
        Section("Resources", "resources", tuple(_resource(one) for one in sorted(touched, key=_weight))),
        Section("Objects of the chart", "objects", tuple(_resource(one) for one in sorted(objects, key=_weight))),
        Section("Settings", "settings", tuple(Entry(_field(one)) for one in settings)),
        Section("Waived findings", "findings", _waived(after)),
    )
    counts = [_count(len(dangers), "risk"), _count(len(images), "image"), _count(len(dags) + len(files), "DAG")]
    summary: list[Line] = [(", ".join((*counts, *_operations(touched))) + ".",)]
    if not any(section.entries for section in sections[:-1]):
        summary = [("Nothing changes.",)]
    return Document(after.stack, (*summary, *_notes(before, after)), tuple(one for one in sections if one.entries))


def _notes(before: Plan, after: Plan) -> Iterator[Line]:
    if before.chart.at_hand != after.chart.at_hand:
        yield ("The chart was at hand for one of the two only: its objects are not compared.",)
    elif not after.chart.at_hand:
        yield ("No chart was at hand: its values are compared, its objects are not.",)


def _alone(stack: str, before: Broken | None, after: Plan) -> Document:
    counts = (
        _count(len(after.resources), "resource"),
        _count(len(after.images), "image"),
        _count(len(after.dags), "DAG"),
    )
    summary: tuple[Line, ...] = ((f"All of it is new: {', '.join(counts)}.",),)
    sections: tuple[Section, ...] = ()
    if before:
        summary = ((f"The base has no plan to compare with; this change makes {', '.join(counts)}.",),)
        sections = (_message("The base's program failed", before.message),)
    found = tuple(
        Entry((Quoted(f"{one.policy}: {one.where}"), ": ", Quoted(one.found)), kind=one.policy)
        for one in after.findings
        if not one.waiver
    )
    findings = (Section("Findings", "findings", found, open=True),) if found else ()
    kept = Section("Images", "images", tuple(Entry((Quoted(image.reference),)) for image in after.images.values()))
    return Document(stack, summary, (*sections, *findings, kept))


def _broken(stack: str, before: Plan | Broken | None, after: Broken) -> Document:
    if before == after:
        same: Line = ("The stack has no plan, neither before nor after, for the same reason.",)
        return Document(stack, (same,), (_message("What its program says", after.message),))
    sections = [_message("The program fails on this change", after.message)]
    summary: Line = ("**This change breaks the program.**",)
    if isinstance(before, Plan):
        counts = (
            _count(len(before.resources), "resource"),
            _count(len(before.images), "image"),
            _count(len(before.dags), "DAG"),
        )
        summary = (*summary, f" The base's plan stands as it was: {', '.join(counts)}.")
    elif before:
        sections.append(_message("The base's program failed too", before.message))
    return Document(stack, (summary,), tuple(sections))


def _message(title: str, message: str) -> Section:
    lines = [line for line in message.splitlines() if line.strip()]
    return Section(title, "lines", tuple(Entry((Quoted(line.strip()),)) for line in lines), open=True)


def _risk(risk: Risk) -> Entry:
    detail: tuple[Span, ...] = (": ", Quoted(risk.detail)) if risk.detail else ()
    return Entry((f"**{risk.kind}** ({KINDS[risk.kind]}): ", Quoted(risk.subject), *detail), kind=risk.kind)


def _image(change: ImageChange, sizes: Mapping[str, int]) -> Entry:
    if not change.before:
        size = (f", {_megabytes(sizes[change.after])} to pull",) if change.after in sizes else ()
        return Entry((Quoted(change.name), ": new, ", Quoted(change.after), *size), kind="new")
    if not change.after:
        line: Line = (Quoted(change.name), ": removed; the registry keeps ", Quoted(change.before))
        return Entry(line, kind="removed")
    kinds = Counter(cause.what for cause in change.causes)
    first = {what: [cause for cause in change.causes if cause.what == what] for what in kinds}
    below: list[Line] = []
    for found in first.values():
        shown, more = some(found)
        below += [_cause(cause) for cause in shown]
        if more:
            below.append((f"and {more} more of the kind {found[0].what}",))
    if change.before != change.after and {change.before, change.after} <= sizes.keys():
        below.append(_growth(sizes[change.before], sizes[change.after]))
    heading = "rebuilt" if any(cause.what not in ("place", "digest") for cause in change.causes) else "moved"
    line = (Quoted(change.name), f": {heading}, ", *_arrow(_tag(change.before), _tag(change.after)))
    return Entry(line, tuple(below), kind=heading)


def _growth(before: int, after: int) -> Line:
    return (f"to pull: {_megabytes(before)} → {_megabytes(after)} ({(after - before) / 1e6:+.1f} MB)",)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _cause(cause: Cause) -> Line:
    if cause.what == "file":
        how = "added" if not cause.before else "removed" if not cause.after else "changed"
        return ("file ", Quoted(cause.name), f" {how}")
    if cause.what == "base" and cause.name != "another base":
        return ("base ", Quoted(cause.name), " changed: ", *_arrow(cause.before, cause.after))
    if cause.what == "recipe":
        return (WHATS["recipe"],)
    what = f"{WHATS.get(cause.what, cause.what)} "
    name: tuple[Span, ...] = (Quoted(cause.name), " ") if cause.what in ("package", "build argument", "setting") else ()
    return (what, *name, *_arrow(cause.before, cause.after))


def _dag(change: DagChange) -> Entry:
    if change.operation != "change":
        tasks = change.added or change.removed
        words = "new" if change.operation == "create" else "removed"
        return Entry((Quoted(change.dag_id), f": {words}, tasks ", *listed(tasks)), kind=change.operation)
    below: list[Line] = [
        ("tasks ", *listed(move.tasks), " move from ", Quoted(move.before), " to ", Quoted(move.after))
        for move in change.moves
    ]
    named = (("new tasks ", change.added), ("removed tasks ", change.removed), ("changed tasks ", change.edited))
    below += [(words, *listed(tasks)) for words, tasks in named if tasks]
    if change.schedule:
        below.append(("schedule ", *_arrow(*change.schedule)))
    if change.code:
        below.append(("code of its tasks changed",))
    if change.settings:
        below.append(("its own fields changed",))
    return Entry((Quoted(change.dag_id), ":"), tuple(below), kind="change")


def _file(name: str, operation: str) -> Entry:
    return Entry((f"{OPERATIONS[operation]} ", Quoted(name), ", written by hand"), kind="written by hand")


def _resource(change: ResourceChange) -> Entry:
    kind = change.type.rpartition(":")[2]
    line: list[Span] = [f"{OPERATIONS[change.operation]} ", Quoted(f"{kind} {change.name}")]
    if change.why:
        line += [", because ", Quoted(change.why), " cannot be changed in place"]
    if change.with_it:
        line.append(f"; with it goes: {change.with_it}")
    if change.refused:
        line.append("; **it is protected: the engine refuses**")
    shown, more = some(change.fields)
    below = [_field(one) for one in shown]
    if more:
        below.append((f"and {more} more fields",))
    return Entry(tuple(line), tuple(below), kind=f"{change.operation} {kind}")


def _field(one: Field) -> Line:
    return (Quoted(one.place), ": ", *_arrow(_value(one.before), _value(one.after)))


def _value(value: object) -> str:
    return "(none)" if value is None else value if isinstance(value, str) else str(value)


def _arrow(before: str, after: str) -> tuple[Span, ...]:
    return (Quoted(before or "(none)"), " → ", Quoted(after or "(none)"))


def _tag(reference: str) -> str:
    return reference.rpartition(":")[2]


def _waived(plan: Plan) -> tuple[Entry, ...]:
    return tuple(
        Entry((Quoted(f"{one.policy}: {one.where}"), ": ", Quoted(one.waiver)), kind=one.policy)
        for one in plan.findings
        if one.waiver
    )


def _weight(change: ResourceChange) -> tuple[bool, str]:
    return not worst(change), change.key


def _operations(changes: Sequence[ResourceChange]) -> Iterator[str]:
    counts = Counter(change.operation for change in changes)
    for operation in ("create", "update", "replace", "delete"):
        if number := counts[operation]:
            yield f"{number} to {operation}"


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}"
