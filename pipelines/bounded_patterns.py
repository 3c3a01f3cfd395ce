"""Regular expressions that Python's matcher, which Airflow asks when it loads a file, is done with soon."""

from __future__ import annotations

import re
from collections.abc import Iterator
from re import _constants as codes  # type: ignore[attr-defined]  # the parser that re itself uses: there is no other
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

#: How many repetitions may stand side by side, and how long a text may be that is matched: their power is the time.
REPETITIONS, CHARACTERS = 3, 100
WHAT = "a regular expression that is matched in bounded time"


def check(pattern: str) -> None:
    """Raises ValueError for what is no regular expression, or may take time beyond measure."""
    try:
        tree = parser.parse(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"a regular expression ({error})") from None
    if sum(1 for _ in _repetitions(tree, within=False)) > REPETITIONS:
        raise ValueError(f"{WHAT}: at most {REPETITIONS} of *, + and {{n,}}")


def _repetitions(items: Any, within: bool) -> Iterator[None]:
    for code, argument in items:
        inside = within
        if code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            least, most, _ = argument
            if within and least != most:
                raise ValueError(f"{WHAT}: no repetition inside a repetition")
            if least != most and most > CHARACTERS:
                yield
            inside = within or most > 1
        if code is codes.BRANCH and within:
            raise ValueError(f"{WHAT}: no | inside a repetition")
        yield from (found for body in _bodies(argument) for found in _repetitions(body, inside))


def _bodies(argument: Any) -> Iterator[Any]:
    if isinstance(argument, parser.SubPattern):
        yield argument
    elif isinstance(argument, tuple | list):
        for part in argument:
            yield from _bodies(part)
