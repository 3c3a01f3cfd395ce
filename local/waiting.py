"""Waiting for something, with an end and a reason."""

from __future__ import annotations

import time
from collections.abc import Callable

INTERVAL_SECONDS = 0.1


class GaveUp(Exception):  # noqa: N818 - it is what happened
    """The platform could not go on; the message says what it waited for or did, and what it found instead."""


def wait(what: str, missing: Callable[[], str | None], seconds: float, detail: Callable[[], str] = lambda: "") -> None:
    """Poll until ``missing`` returns None; it returns what is still missing otherwise.

    Raises GaveUp after ``seconds``, with the last thing missing and ``detail()`` (log lines, events).
    """
    end = time.monotonic() + seconds
    while (found := missing()) is not None:
        if time.monotonic() > end:
            raise GaveUp("\n".join(filter(None, (f"gave up on {what} after {seconds:.0f} s: {found}", detail()))))
        time.sleep(INTERVAL_SECONDS)
