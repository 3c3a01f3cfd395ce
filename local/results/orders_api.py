"""The orders as JSON lines, row for row those that the stand-in has."""

from __future__ import annotations

import json
from typing import Any

from local.results import Run
from local.services.orders_api.orders import orders, summary

#: What the stand-in does to every client, and what the task must therefore have asked for again.
RETRIED = {"429": 1, "cut short": 1}
TOLD = 5


def check(run: Run) -> list[str]:
    """The lines against the source, and the report against both."""
    lines = run.bucket.get(f"{run.prefix}orders.jsonl")
    report = json.loads(run.bucket.get(f"{run.prefix}report.json"))
    return [*differences(lines), *wrong_report(report)]


def differences(lines: bytes) -> list[str]:
    """What is wrong with JSON lines that should be the orders, one sentence each, the first few."""
    if not lines.endswith(b"\n"):
        return ["the last line does not end"]
    rows = lines.removesuffix(b"\n").split(b"\n")
    expected = orders()
    wrong = [f"{len(rows)} lines, expected {len(expected)}"] if len(rows) != len(expected) else []
    for number, (row, order) in enumerate(zip(rows, expected, strict=False), 1):
        try:
            found = json.loads(row)
        except ValueError as error:
            wrong.append(f"line {number} is no JSON: {error}")
            continue
        if not same(found, order):
            wrong.append(f"line {number} is {row[:200]!r}, expected {json.dumps(order)[:200]}")
    return wrong[:TOLD]


def same(found: Any, expected: Any) -> bool:
    """Equal in type and order of keys too: to Python, 1 is 1.0 and True."""
    return json.dumps(found) == json.dumps(expected)


def wrong_report(report: dict[str, Any]) -> list[str]:
    """What is wrong with the report, one sentence each."""
    expected = {**summary(), "retried": RETRIED}
    found = {key: report.get(key) for key in expected}
    return [f"{key} is {found[key]}, expected {right}" for key, right in expected.items() if found[key] != right]
