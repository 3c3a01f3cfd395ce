"""One issue of each stack that is not as its commit says, edited while it is so, closed when it no longer is."""

from __future__ import annotations

from typing import Any

from plan.comments import AUTHOR, Repository
from plan.escaping import plain
from plan.markdown import marker

LABEL = "drift"
MOST_LINES = 200
LONGEST_LINE = 300


def issue(stack: str, output: str) -> str:
    """The text of a stack's issue: what the engine said, as code, its end where it is long."""
    lines = [plain(line, LONGEST_LINE) for line in output.splitlines() if line.strip()]
    left_out = len(lines) - MOST_LINES
    first = [f"({left_out} lines before)"] if left_out > 0 else []
    # Indented by four it is code, whatever stands in it: https://github.github.com/gfm/#indented-code-blocks
    body = "\n".join(f"    {line}" for line in (*first, *lines[-MOST_LINES:]))
    return f"{marker(f'drift-{stack}')}\nThe stack is not as the newest commit says:\n\n{body}\n"


class Drift(Repository):
    """The drift issues of one repository."""

    def report(self, stack: str, output: str | None) -> str:
        """``output`` is None where the stack is as it should be; returns what was done."""
        found = self._issue(stack)
        if output is None:
            if not found:
                return "clean"
            self.send("PATCH", f"/issues/{int(found['number'])}", {"state": "closed", "state_reason": "completed"})
            return "closed"
        body = issue(stack, output)
        if found:
            if found["body"] != body:
                self.send("PATCH", f"/issues/{int(found['number'])}", {"body": body})
            return "edited"
        self.send("POST", "/issues", {"title": f"Drift of {stack}", "body": body, "labels": [LABEL]})
        return "opened"

    def _issue(self, stack: str) -> dict[str, Any] | None:
        first = marker(f"drift-{stack}")
        open_ones = self.every("/issues", {"state": "open", "labels": LABEL})
        return next((one for one in open_ones if _is_ours(one, first)), None)


def _is_ours(one: dict[str, Any], first: str) -> bool:
    return (one["body"] or "").startswith(first) and one["user"]["login"] == AUTHOR and "pull_request" not in one
