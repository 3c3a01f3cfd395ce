"""What a reviewer has to know first: data that goes, secrets that turn, rights that grow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from plan.differences import Field, ResourceChange, rendered, resources, settings
from plan.model import Plan
from plan.replacing import holds_data

#: Settings that name where data lies.
STORES = frozenset(
    (
        *(f"objectStore.{key}" for key in ("kind", "bucket", "url", "region")),
        *(f"database.{key}" for key in ("kind", "host", "port", "name")),
    )
)
RIGHTS = ("rules", "subjects", "roleRef")
WORKLOAD = ("Job", "StatefulSet", "Deployment", "DaemonSet", "CronJob", "Release", "Pod")
#: The end of a field's place -> the values that widen what a pod may do.
WIDENING: tuple[tuple[str, tuple[object, ...]], ...] = (
    ("allowPrivilegeEscalation", (True, None)),
    ("privileged", (True,)),
    ("runAsNonRoot", (False, None)),
    ("runAsUser", (0,)),
    ("hostNetwork", (True,)),
    ("hostPID", (True,)),
    ("hostIPC", (True,)),
    ("automountServiceAccountToken", (True, None)),
)


@dataclass(frozen=True, order=True)
class Risk:
    """``kind`` is one of ``KINDS``; ``subject`` names what it is about, ``detail`` perhaps more."""

    kind: str
    subject: str
    detail: str = ""


#: Kind -> what it means, worst first.
KINDS = {
    "update refused": "the engine neither replaces nor deletes what is protected",
    "another cluster": "the stack leaves the one that it is on",
    "another store": "what the one before holds is not moved to it",
    "data lost": "what holds data is deleted or replaced",
    "protection off": "a resource loses its protection from deletion",
    "generated secret drawn anew": "what was encrypted or opened with it is closed",
    "secret rotated": "its readers restart",
    "privilege widened": "more rights than before",
    "schema migration": "the database cannot go back",
    "quota exceeded": "pods will not start",
    "unpinned base": "the same tag may be another image tomorrow",
    "policy": "a rule of this repository does not hold",
}


def risks(before: Plan, after: Plan) -> tuple[Risk, ...]:
    """Worst first."""
    found = {risk for check in CHECKS for risk in check(before, after)}
    order = {kind: number for number, kind in enumerate(KINDS)}
    return tuple(sorted(found, key=lambda risk: (order[risk.kind], risk)))


def _resources(before: Plan, after: Plan) -> Iterator[Risk]:
    for change in resources(before, after):
        kind, gone = change.type.rpartition(":")[2], change.operation in ("replace", "delete")
        subject = f"{kind} {change.name}"
        if change.refused:
            yield Risk("update refused", subject, change.operation)
        if gone and holds_data(change.type):
            yield Risk("data lost", subject, f"{change.operation}: {change.with_it or change.why}")
        if gone and change.type.startswith("random:"):
            yield Risk("generated secret drawn anew", subject, change.why)
        keys = [field.place.removeprefix("data.") for field in change.fields if field.place.startswith("data.")]
        if kind == "Secret" and (keys or change.operation == "delete"):
            yield Risk("secret rotated", subject, ", ".join(keys) or change.operation)
        if change.operation == "replace" and change.type.startswith("pulumi:providers:"):
            yield Risk("another cluster", subject, "all that it made is made anew there")


def _protection(before: Plan, after: Plan) -> Iterator[Risk]:
    for key, one in before.resources.items():
        two = after.resources.get(key)
        if one.protect and (two is None or not two.protect):
            yield Risk("protection off", f"{one.type.rpartition(':')[2]} {one.name}", "protect")
        if two and one.retain_on_delete and not two.retain_on_delete:
            yield Risk("protection off", f"{one.type.rpartition(':')[2]} {one.name}", "retain_on_delete")


def _rights(before: Plan, after: Plan) -> Iterator[Risk]:
    for change in (*resources(before, after), *rendered(before, after)):
        kind = change.type.rpartition(":")[2]
        subject = f"{kind} {change.name}"
        if kind in ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"):
            grown = (field.place for field in change.fields if field.after is not None)
            if change.operation == "create" or any(
                place.startswith(("rules", "subjects", "roleRef")) for place in grown
            ):
                yield Risk("privilege widened", subject, change.operation)
        elif kind in WORKLOAD:
            yield from (Risk("privilege widened", subject, field.place) for field in change.fields if _widens(field))


def _widens(field: Field) -> bool:
    if ".capabilities." in field.place:
        added = ".capabilities.add" in field.place and field.after is not None
        return added or (".capabilities.drop" in field.place and field.before == "ALL")
    last = field.place.rpartition(".")[2]
    # None stands for a value that is gone, or that was never there: only what was set before is widened by its absence.
    return any(last == name and field.after in values for name, values in WIDENING) and not (
        field.after is None and field.before is None
    )


def _stores(before: Plan, after: Plan) -> Iterator[Risk]:
    for field in settings(before, after):
        if field.place in STORES and None not in (field.before, field.after):
            yield Risk("another store", field.place, f"{field.before} -> {field.after}")


def _migration(before: Plan, after: Plan) -> Iterator[Risk]:
    for field in settings(before, after):
        if field.place in ("airflow.version", "chart.version"):
            yield Risk("schema migration", field.place, f"{field.before} -> {field.after}")
        if field.place == "database.image":
            yield Risk(
                "schema migration",
                field.place,
                f"{field.before} -> {field.after}: Postgres reads no other major's data",
            )


def _bases(before: Plan, after: Plan) -> Iterator[Risk]:
    for name, image in after.images.items():
        had = before.images[name].upstream if name in before.images else None
        if image.upstream and "@sha256:" not in image.upstream and image.upstream != had:
            yield Risk("unpinned base", name, image.upstream)


def _policies(before: Plan, after: Plan) -> Iterator[Risk]:
    known = {finding for finding in before.findings if not finding.waiver}
    for finding in after.findings:
        if finding not in known and not finding.waiver:
            kind = "quota exceeded" if finding.policy == "quota" else "policy"
            yield Risk(kind, f"{finding.policy}: {finding.where}", finding.found)


CHECKS: tuple[Callable[[Plan, Plan], Iterator[Risk]], ...] = (
    _resources,
    _protection,
    _rights,
    _stores,
    _migration,
    _bases,
    _policies,
)


def worst(change: ResourceChange) -> bool:
    """Whether a change is of those that a reviewer reads first."""
    return change.operation in ("replace", "delete")
