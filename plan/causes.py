"""Why images are built anew, and which tasks move to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.image_lock import LOCK
from plan.model import DagPlan, ImagePlan, Plan


@dataclass(frozen=True)
class Cause:
    """``what`` changed: a file, a package, a base, ...; ``name`` which; how it was and is, empty where it was not."""

    what: str
    name: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class ImageChange:
    """An image to build, or one that no DAG may name any more; its causes are empty for new and removed ones."""

    name: str
    before: str
    after: str
    causes: tuple[Cause, ...] = ()


@dataclass(frozen=True)
class Move:
    """Tasks that leave one image for another."""

    before: str
    after: str
    tasks: tuple[str, ...]


@dataclass(frozen=True)
class DagChange:
    """``operation`` is create, change or delete; ``edited`` are tasks whose own config changed."""

    dag_id: str
    operation: str
    moves: tuple[Move, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    schedule: tuple[str, str] | None = None
    code: bool = False
    settings: bool = False


def images(before: Plan, after: Plan) -> tuple[ImageChange, ...]:
    """By name."""
    changes = []
    for name in sorted({*before.images, *after.images}):
        one, two = before.images.get(name), after.images.get(name)
        if one is None or two is None:
            changes.append(ImageChange(name, one.reference if one else "", two.reference if two else ""))
        elif one.key != two.key or one.reference != two.reference:
            found = tuple(_causes(one, two, before, after))
            same = Cause("place", "the same content under another reference", one.reference, two.reference)
            unseen = Cause("recipe", "how images are built")
            causes = found or ((same,) if one.key == two.key else (unseen,))
            changes.append(ImageChange(name, one.reference, two.reference, causes))
        elif one.digest != two.digest:
            cause = Cause("digest", "what was promoted", one.digest or "", two.digest or "")
            changes.append(ImageChange(name, one.reference, two.reference, (cause,)))
    return tuple(changes)


def packages(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Cause]:
    """What two locks have different, by package."""
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield Cause("package", name, before.get(name, ""), after.get(name, ""))


def dags(before: Plan, after: Plan) -> tuple[DagChange, ...]:
    """By dag_id."""
    changes = []
    for dag_id in sorted({*before.dags, *after.dags}):
        one, two = before.dags.get(dag_id), after.dags.get(dag_id)
        if one is None:
            changes.append(DagChange(dag_id, "create", added=tuple(two.tasks) if two else ()))
        elif two is None:
            changes.append(DagChange(dag_id, "delete", removed=tuple(one.tasks)))
        elif one != two:
            changes.append(_dag(dag_id, one, two))
    return tuple(changes)


def hand_written(before: Plan, after: Plan) -> dict[str, str]:
    """File -> create, change or delete."""
    one, two = before.hand_written, after.hand_written
    return {
        name: "create" if name not in one else "delete" if name not in two else "change"
        for name in sorted({*one, *two})
        if one.get(name) != two.get(name)
    }


def _causes(one: ImagePlan, two: ImagePlan, before: Plan, after: Plan) -> Iterator[Cause]:
    if one.base != two.base:
        yield Cause("base", "another base", one.base or "", two.base or "")
    elif one.base and _key(before, one.base) != _key(after, one.base):
        yield Cause("base", one.base, _tag(before, one.base), _tag(after, one.base))
    if one.upstream != two.upstream:
        yield Cause("upstream", "", one.upstream or "", two.upstream or "")
    yield from packages(one.packages, two.packages)
    for path in sorted({*one.files, *two.files}):
        had, has = one.files.get(path, ""), two.files.get(path, "")
        # The packages say it better, where they differ.
        if had != has and not (path == LOCK and one.packages != two.packages):
            yield Cause("file", path, had, has)
    if one.platforms != two.platforms:
        yield Cause("platforms", "", ", ".join(one.platforms), ", ".join(two.platforms))
    yield from _declared(one, two)


def _declared(one: ImagePlan, two: ImagePlan) -> Iterator[Cause]:
    for name in sorted({*one.build_arguments, *two.build_arguments}):
        had, has = one.build_arguments.get(name, ""), two.build_arguments.get(name, "")
        if had != has:
            yield Cause("build argument", name, had, has)
    for name in sorted({*one.declared, *two.declared}):
        if one.declared.get(name) != two.declared.get(name):
            yield Cause("setting", name, _text(one.declared.get(name)), _text(two.declared.get(name)))


def _key(plan: Plan, name: str) -> str:
    return plan.images[name].key if name in plan.images else ""


def _tag(plan: Plan, name: str) -> str:
    return plan.images[name].reference.rpartition(":")[2] if name in plan.images else ""


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _dag(dag_id: str, one: DagPlan, two: DagPlan) -> DagChange:
    both = [name for name in two.tasks if name in one.tasks]
    moves: dict[tuple[str, str], list[str]] = {}
    for name in both:
        had, has = one.tasks[name].image, two.tasks[name].image
        if had != has:
            moves.setdefault((had, has), []).append(name)
    edited = tuple(name for name in both if one.tasks[name].sha256 != two.tasks[name].sha256)
    added = tuple(name for name in two.tasks if name not in one.tasks)
    removed = tuple(name for name in one.tasks if name not in two.tasks)
    schedule = (one.schedule or "by hand", two.schedule or "by hand") if one.schedule != two.schedule else None
    told = bool(moves or edited or added or removed or schedule)
    return DagChange(
        dag_id,
        "change",
        tuple(Move(*images, tuple(tasks)) for images, tasks in sorted(moves.items())),
        added,
        removed,
        edited,
        schedule,
        one.source_sha256 != two.source_sha256,
        not told and one.sha256 != two.sha256,
    )
