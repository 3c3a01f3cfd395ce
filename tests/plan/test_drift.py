from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from plan.comments import AUTHOR
from plan.drift import MOST_LINES, Drift, issue

OUTPUT = "Previewing update (prod)\n ~ kubernetes:apps/v1:StatefulSet postgres update\nerror: no changes were expected"


def ours(body: str, number: int = 5) -> dict[str, Any]:
    return {"number": number, "body": body, "user": {"login": AUTHOR}}


@pytest.mark.parametrize(
    ("known", "output", "done", "sent"),
    [
        ([], None, "clean", []),
        ([], OUTPUT, "opened", [("POST", "/issues")]),
        ([ours(issue("prod", OUTPUT))], OUTPUT, "edited", []),
        ([ours(issue("prod", "something else"))], OUTPUT, "edited", [("PATCH", "/issues/5")]),
        ([ours(issue("prod", OUTPUT))], None, "closed", [("PATCH", "/issues/5")]),
        ([ours(issue("staging", OUTPUT))], None, "clean", []),
        ([{**ours(issue("prod", OUTPUT)), "user": {"login": "somebody"}}], None, "clean", []),
    ],
)
def test_one_issue_of_a_stack_while_it_drifts(
    known: list[dict[str, Any]], output: str | None, done: str, sent: list[tuple[str, str]]
) -> None:
    written: list[tuple[str, str]] = []

    def github(request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/repos/acme/flows")
        if request.method == "GET":
            assert dict(request.url.params)["labels"] == "drift"
            return httpx.Response(200, json=known)
        written.append((request.method, path))
        assert json.loads(request.content)
        return httpx.Response(200, json={})

    assert Drift("acme/flows", "token", httpx.MockTransport(github)).report("prod", output) == done
    assert written == sent


def test_what_the_engine_says_is_code_and_bounded() -> None:
    text = issue("prod", "\n".join(f"line {number} ```</details> ::error:: @everyone" for number in range(5_000)))
    lines = text.splitlines()[3:]
    assert all(line.startswith("    ") for line in lines)
    assert len(lines) == MOST_LINES + 1
    assert lines[0] == f"    ({5_000 - MOST_LINES} lines before)"
    assert "::" not in text
