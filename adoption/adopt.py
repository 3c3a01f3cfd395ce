"""One file, adopted: the rules in their order, and their edits applied."""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst

from adoption import credentials, dag_rules, dates, elyra, imports, models, pod_rules, templates
from adoption.arguments import Items
from adoption.draft import Draft
from adoption.moved import OPERATOR
from adoption.records import Adoption, Choices, Edit, Finding
from adoption.syntax import Source
from pipelines.errors import InputError, Problem

#: Calls that take a KubernetesPodOperator's arguments.
PODS = (OPERATOR, f"{OPERATOR}.partial", "airflow.sdk.task.kubernetes")


def adopt(content: bytes, shown_as: str, choices: Choices) -> Adoption:
    """What the file would be and why. Nothing of it is imported or runs.

    Raises InputError for what is no Python or too much of it, and for credentials in clear text.
    """
    source = Source(content, shown_as)
    if refused := credentials.problems(source):
        raise InputError(refused)
    return _adopted(source, choices)


def problems(content: bytes, shown_as: str, choices: Choices) -> list[Problem]:
    """What must change before the file works here; what adoption would do by itself, and what it would not."""
    try:
        source = Source(content, shown_as)
        found = _adopted(source, choices)
    except InputError as error:
        return list(error.problems)
    return [
        *credentials.problems(source),
        *(_problem(shown_as, finding) for finding in (*found.changed, *found.left) if finding.needed),
    ]


def _problem(shown_as: str, finding: Finding) -> Problem:
    place = f"{shown_as}:{finding.line}:{finding.column}"
    if finding.becomes is None:
        return Problem(place, "", finding.found, finding.why, "correct it by hand")
    fix = f"python -m commands dags adopt {shown_as} --write"
    return Problem(place, "", finding.found, f"{finding.becomes} ({finding.why})", fix)


def _adopted(source: Source, choices: Choices) -> Adoption:
    draft = Draft(source, choices)
    defaults = dag_rules.default_arguments(draft)
    pods = [call for call in source.all(cst.Call) if source.called(call) in PODS]
    elyra.apply(draft)
    for items in defaults:
        dag_rules.apply_defaults(draft, items)
        if pods:
            pod_rules.apply(draft, items)
    templated = any(pod_rules.is_templated(draft, items) for items in defaults)
    for call in pods:
        pod_rules.apply(draft, Items(source, call), templated)
    models.apply(draft)
    dates.apply(draft)
    templates.apply(draft)
    dag_rules.apply(draft)
    imports.apply(draft)
    kept, changed = _outermost(draft.all_changes())
    after = _applied(source.text, [*kept, *imports.added(draft)])
    return Adoption(source.text, after, tuple(sorted(changed)), tuple(sorted(draft.left)), source.encoding)


def _outermost(
    changes: Iterable[tuple[Finding, tuple[Edit, ...]]],
) -> tuple[list[Edit], list[Finding]]:
    """Without edits inside a larger one, and without the findings of which nothing else is left."""
    changes = list(changes)
    everything = sorted({edit for _, edits in changes for edit in edits}, key=lambda one: (one.start, -one.end))
    kept = set[Edit]()
    outer: Edit | None = None
    for edit in everything:
        if outer is None or edit.start >= outer.end or (edit.start == edit.end == outer.start):
            kept.add(edit)
            outer = edit if edit.end > edit.start else outer
    found = [finding for finding, edits in changes if not edits or kept & set(edits)]
    return list(kept), found


def _applied(text: str, edits: Iterable[Edit]) -> str:
    parts: list[str] = []
    done = 0
    for edit in sorted(edits):
        parts += [text[done : edit.start], edit.text]
        done = edit.end
    return "".join([*parts, text[done:]])
