"""``days_ago``, which Airflow 3 has not, as the call that its upgrade notes give."""

from __future__ import annotations

import libcst as cst

from adoption.draft import Draft
from adoption.records import Edit

DAYS_AGO = "airflow.utils.dates.days_ago"
#: Parameter of days_ago -> parameter of pendulum's add.
PARTS = {"hour": "hours", "minute": "minutes", "second": "seconds", "microsecond": "microseconds"}
WHY = "Airflow 3 has no days_ago"


def apply(draft: Draft) -> None:
    """Every call of ``days_ago``."""
    for call in draft.source.all(cst.Call):
        if draft.source.imported(call.func) != {DAYS_AGO}:
            continue
        text = _text(draft, call)
        if text is None:
            draft.leave(call, f"{WHY}: write a date")
            continue
        draft.replace(call)
        draft.change(call, text, WHY, [Edit(*draft.source.span(call), text)])
        draft.leave(
            call, "a start date that moves every day: write a date, pendulum.datetime(2026, 1, 1)", needed=False
        )


def _text(draft: Draft, call: cst.Call) -> str | None:
    added: dict[str, str] = {}
    for position, argument in enumerate(call.args):
        name = argument.keyword.value if argument.keyword else ("n", *PARTS)[position] if position < 5 else ""
        text = draft.source.text_of(argument.value)
        if argument.star or (name != "n" and name not in PARTS):
            return None
        if name == "n":
            simple = isinstance(argument.value, cst.Integer | cst.Name)
            added["days"] = f"-{text}" if simple else f"-({text})"
        else:
            added[PARTS[name]] = text
    said = ", ".join(f"{name}={text}" for name, text in added.items())
    return f'{draft.pendulum()}.today("UTC").add({said})' if "days" in added else None
