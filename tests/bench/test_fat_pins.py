"""What a set of pins for all types has to drop."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.fat_pins import Attempt, Pin, settle

APART = "they cannot stand together"


def refusing(*pairs: tuple[str, str]) -> object:
    """A resolver for which these requirements cannot stand together; of a loose one it takes version 0."""

    def resolve(requirements: Sequence[str]) -> Attempt:
        if any({*pair} <= {*requirements} for pair in pairs):
            return Attempt("", APART)
        return Attempt("".join(f"{one if '==' in one else f'{one}==0'}\n" for one in requirements))

    return resolve


def pins(*texts: str) -> list[Pin]:
    return [Pin(text, ("type",)) for text in texts]


def test_nothing_is_dropped_where_all_resolve() -> None:
    attempt, conflicts = settle(pins("a==1", "b==1"), refusing())  # type: ignore[arg-type]
    assert not conflicts
    assert attempt.lock == "a==1\nb==1\n"


def test_a_refused_pin_is_taken_in_any_version() -> None:
    attempt, [conflict] = settle(pins("a==1", "b==1"), refusing(("a==1", "b==1")))  # type: ignore[arg-type]
    assert attempt.lock == "a==1\nb==0\n"
    assert (conflict.pin.text, conflict.instead, conflict.reason) == ("b==1", "0", APART)


def test_a_package_that_fits_in_no_version_is_left_out() -> None:
    both = refusing(("a==1", "b==1"), ("a==1", "b"))
    attempt, [conflict] = settle(pins("a==1", "b==1", "c==1"), both)  # type: ignore[arg-type]
    assert attempt.lock == "a==1\nc==1\n"
    assert conflict.instead == ""


def test_packages_of_the_release_that_do_not_resolve_are_an_error() -> None:
    with pytest.raises(ValueError, match="release"):
        settle(pins("a==1"), lambda requirements: Attempt("", APART))


@settings(max_examples=30, deadline=None)
@given(st.sets(st.sampled_from([*combinations("abcdef", 2)])))
def test_what_is_kept_resolves_and_every_other_pin_is_told(apart: set[tuple[str, str]]) -> None:
    wanted = pins(*(f"{name}==1" for name in "abcdef"))
    resolve = refusing(*((f"{one}==1", f"{other}==1") for one, other in apart))
    attempt, conflicts = settle(wanted, resolve)  # type: ignore[arg-type]
    told = {conflict.pin.text for conflict in conflicts}
    assert {*attempt.lock.split()} >= {pin.text for pin in wanted} - told
    assert resolve([line for line in attempt.lock.split() if line not in told]).lock  # type: ignore[operator]
    assert bool(told) == bool(apart)
