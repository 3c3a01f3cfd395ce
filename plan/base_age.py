"""How old the images of others are that ours stand on. The clock and registries tell it: it is judged beside a plan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from plan.policies import BASE_AGE, Waiver, reason_of

OLDEST = timedelta(days=90)
#: Docker's first release. Whoever builds reproducibly writes a moment of his own, most often the epoch.
FIRST = datetime(2013, 3, 1, tzinfo=UTC)
Verdict = Literal["fix", "wait", "fresh", "waived", "not told"]


@dataclass(frozen=True)
class Upstream:
    """An image of others in a stack: ``reference`` with the digest that it is pinned to, if any.

    ``built`` is when that was made, ``newest`` when that was which its tag names now; None where nobody says.
    """

    stack: str
    reference: str
    built: datetime | None
    newest: datetime | None

    def days(self, now: datetime) -> int | None:
        """Whole days since it was built; None where nobody says."""
        return (now - self.built).days if self.built and self.built >= FIRST else None


def verdict(upstream: Upstream, now: datetime, waivers: Iterable[Waiver]) -> Verdict:
    """``fix`` fails: too old, and its tag names a newer one; ``wait`` is as old, but nobody has built a newer one."""
    days = upstream.days(now)
    if days is None:
        return "not told"
    if days <= OLDEST.days:
        return "fresh"
    if reason_of(waivers, upstream.stack, BASE_AGE.id, upstream.reference):
        return "waived"
    return "fix" if upstream.newest and upstream.built and upstream.newest > upstream.built else "wait"
