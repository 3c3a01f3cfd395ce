"""What two plans of one stack have different: resources and settings, field by field, as the engine would act."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from plan.model import Plan, ResourcePlan
from plan.replacing import holds_data, replacing, takes_with_it
from plan.resources import leaves

Operation = Literal["create", "update", "replace", "delete"]


@dataclass(frozen=True, order=True)
class Field:
    """One value; None where there is none."""

    place: str
    before: Any
    after: Any


@dataclass(frozen=True)
class ResourceChange:
    """What the engine would do. ``why`` is the field for which it replaces, ``with_it`` what a deletion takes.

    What is ``refused`` was protected before: the engine stops there, and has anybody take the protection off first.
    https://www.pulumi.com/docs/iac/concepts/resources/options/protect/
    """

    key: str
    type: str
    name: str
    operation: Operation
    fields: tuple[Field, ...] = ()
    why: str = ""
    with_it: str = ""
    refused: bool = False


def fields(before: Any, after: Any) -> tuple[Field, ...]:
    """The values that differ, by their dotted places."""
    if before == after:
        return ()
    one, two = dict(leaves(before)), dict(leaves(after))
    found = (Field(place, one.get(place), two.get(place)) for place in {*one, *two} if one.get(place) != two.get(place))
    return tuple(sorted(found, key=lambda field: field.place))


def settings(before: Plan, after: Plan) -> tuple[Field, ...]:
    return fields(before.settings, after.settings)


def resources(before: Plan, after: Plan) -> tuple[ResourceChange, ...]:
    """Every custom resource that the engine would touch, sorted; components exist in its state only."""
    providers = {key: one.inputs for key, one in after.resources.items() if key.startswith("pulumi:providers:")}
    one, two = _custom(before.resources), _custom(after.resources)
    changes = [_created_or_deleted(key, one.get(key), two.get(key)) for key in one.keys() ^ two.keys()]
    for key in one.keys() & two.keys():
        changed = fields(one[key].inputs, two[key].inputs)
        if changed:
            why = replacing(one[key], two[key], tuple(field.place for field in changed), providers)
            operation: Operation = "replace" if why else "update"
            with_it = _kept_or_gone(two[key].type) if why else ""
            changes.append(ResourceChange(key, two[key].type, two[key].name, operation, changed, why, with_it))
    changes += _replaced_with_them(changes, one, two)
    gone = {key for key, before_it in one.items() if before_it.protect}
    stopped = (replace(c, refused=c.key in gone and c.operation in ("replace", "delete")) for c in changes)
    return tuple(sorted(stopped, key=lambda change: change.key))


def rendered(before: Plan, after: Plan) -> tuple[ResourceChange, ...]:
    """Objects of the rendered chart, which Helm would touch; none where one side had no chart at hand."""
    if not (before.chart.at_hand and after.chart.at_hand):
        return ()
    changes = []
    for key in sorted({*before.rendered, *after.rendered}):
        one, two = before.rendered.get(key), after.rendered.get(key)
        kind, _, name = key.partition("/")
        operation: Operation = "create" if one is None else "delete" if two is None else "update"
        if one != two:
            changed = fields(one, two) if one and two else ()
            changes.append(ResourceChange(key, kind, name, operation, changed))
    return tuple(changes)


def _custom(found: Mapping[str, ResourcePlan]) -> dict[str, ResourcePlan]:
    return {key: one for key, one in found.items() if one.custom}


def _created_or_deleted(key: str, before: ResourcePlan | None, after: ResourcePlan | None) -> ResourceChange:
    if after is None and before is not None:
        return ResourceChange(key, before.type, before.name, "delete", with_it=takes_with_it(before.type))
    assert after is not None  # noqa: S101 - one of them is there
    return ResourceChange(key, after.type, after.name, "create")


def _kept_or_gone(type_: str) -> str:
    return takes_with_it(type_) if holds_data(type_) else ""


def _replaced_with_them(
    changes: Iterable[ResourceChange], before: Mapping[str, ResourcePlan], after: Mapping[str, ResourcePlan]
) -> Iterable[ResourceChange]:
    """What the engine touches because of another: all of a replaced provider, and what names an auto-named object.

    https://www.pulumi.com/docs/iac/concepts/resources/providers/, names/#autonaming; the plan has one name for both.
    """
    changes = list(changes)
    touched = {change.key for change in changes}
    replaced = {change.key for change in changes if change.operation == "replace" and "providers" in change.type}
    renamed = {
        change.key: f"{change.name}-auto"
        for change in changes
        if change.operation == "replace" and "name" not in (after[change.key].inputs.get("metadata") or {"name": ""})
    }
    providers = {key: one.inputs for key, one in after.items() if key.startswith("pulumi:providers:")}
    for key, one in after.items():
        if key in touched or key not in before:
            continue
        if one.provider in replaced:
            yield ResourceChange(key, one.type, one.name, "replace", (), "provider", _kept_or_gone(one.type))
            continue
        places = tuple(
            Field(place, f"{value} (old)", f"{value} (new)")
            for place, value in leaves(one.inputs)
            if value in renamed.values() and renamed.keys() & {*one.dependencies}
        )
        if places:
            why = replacing(one, one, tuple(field.place for field in places), providers)
            yield ResourceChange(key, one.type, one.name, "replace" if why else "update", places, why)
