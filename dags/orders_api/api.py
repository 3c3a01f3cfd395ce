"""A client of paged JSON APIs that says when it may be asked again, and breaks off now and then."""

from __future__ import annotations

import email.utils
import math
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import tenacity

ATTEMPTS = 6
LONGEST_WAIT_SECONDS = 60
PASSING = frozenset({429, 500, 502, 503, 504})
TIMEOUT = httpx.Timeout(30, connect=10)


class ApiError(Exception):
    """The API's answer is of no use, and asking again would not change that."""


class PassingError(Exception):
    """An answer that may be better the next time; ``after`` is how many seconds the API asks to be left alone."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.after = reason, after


class Api:
    """Pages below ``address``. ``retried`` counts what was asked for again, by reason: a status, ``connection`` or
    ``cut short``."""

    def __init__(
        self,
        address: str,
        token: str,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = tenacity.nap.sleep,
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(base_url=address, headers=headers, timeout=TIMEOUT, transport=transport)
        self._sleep = sleep
        self.retried: Counter[str] = Counter()

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def pages(self, path: str, rows: str) -> Iterator[list[dict[str, Any]]]:
        """The rows of each page, from ``path`` on to where ``next`` is null. Raises ApiError when a page has another
        form, leads to another place, or back to one that was seen."""
        seen: set[str] = set()
        following: Any = path
        while following is not None:
            if not isinstance(following, str) or not following.startswith("/") or following.startswith("//"):
                raise ApiError(f"the page after {max(seen, default=path)} is {following!r}, which is no path")
            if following in seen:
                raise ApiError(f"{following} leads back to itself")
            seen.add(following)
            page = self.get(following)
            if not isinstance(page.get(rows), list) or "next" not in page:
                raise ApiError(f"{following} has {', '.join(sorted(page))}: no page of {rows}")
            yield page[rows]
            following = page["next"]

    def get(self, path: str) -> dict[str, Any]:
        """A JSON object. Asks again what may pass, and waits as long as the API wants; raises ApiError when nothing
        of use comes, or when it wants more than LONGEST_WAIT_SECONDS."""
        asking = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(PassingError),
            wait=_pause,
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            before_sleep=self._count,
            sleep=self._sleep,
        )
        try:
            return asking(self._ask, path)
        except tenacity.RetryError as error:
            last = error.last_attempt.exception()
            raise ApiError(f"{path} was asked for {ATTEMPTS} times; the last time: {last}") from None

    def _ask(self, path: str) -> dict[str, Any]:
        try:
            answer = self._client.get(path)
        except httpx.RemoteProtocolError as error:
            raise PassingError("cut short") from error
        except httpx.TransportError as error:
            raise PassingError("connection") from error
        if answer.status_code in PASSING:
            raise PassingError(str(answer.status_code), _wanted_pause(answer))
        if not answer.is_success:
            raise ApiError(f"{path}: {answer.status_code} {answer.text[:200]}")
        try:
            content = answer.json()
        except ValueError as error:
            raise PassingError("cut short") from error
        if not isinstance(content, dict):
            raise ApiError(f"{path} is a JSON {type(content).__name__}, not an object")
        return content

    def _count(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception()
        self.retried[error.reason] += 1
        print(f"{state.args[0]}: {error}, again in {state.next_action.sleep:.1f} s", flush=True)


def _wanted_pause(answer: httpx.Response) -> float | None:
    """Seconds that Retry-After asks for: a number, or a date (RFC 9110, section 10.2.3)."""
    text = answer.headers.get("Retry-After", "").strip()
    if not text:
        return None
    try:
        seconds = float(text) if text.isdigit() else _until(email.utils.parsedate_to_datetime(text))
    except (TypeError, ValueError):
        return None
    if seconds > LONGEST_WAIT_SECONDS:
        raise ApiError(f"{answer.url} asks to be left alone for {seconds:.0f} s, more than {LONGEST_WAIT_SECONDS} s")
    return max(seconds, 0.0)


def _until(moment: datetime) -> float:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return math.ceil((aware - datetime.now(UTC)).total_seconds())


_backing_off = tenacity.wait_exponential_jitter(multiplier=0.5, max=20)


def _pause(state: tenacity.RetryCallState) -> float:
    after = state.outcome.exception().after
    return _backing_off(state) if after is None else after
