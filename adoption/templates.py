"""Variables in templates that Airflow 3 no longer has: told, since what stands around them decides what to write."""

from __future__ import annotations

import re

import libcst as cst

from adoption.draft import Draft
from pipelines.template_checks import REMOVED

EXPRESSION = re.compile(r"\{[{%](.*?)[%}]\}", re.DOTALL)
#: An item is of a DAG config, and is a name like any other here.
GONE = {name: nearest for name, nearest in REMOVED.items() if name != "item"}
NAME = re.compile(rf"(?<![\w.'\"])({'|'.join(sorted(GONE, key=len, reverse=True))})\b")


def apply(draft: Draft) -> None:
    """Every text of a file that uses Airflow."""
    if "airflow" not in draft.source.text:
        return
    for node in draft.source.all(cst.SimpleString):
        inside = " ".join(EXPRESSION.findall(draft.source.text_of(node)))
        for name in dict.fromkeys(NAME.findall(inside)):
            draft.leave(node, f"Airflow 3 has no {name} in templates; nearest: {GONE[name]}")
