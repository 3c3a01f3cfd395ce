"""When an image of others is too old; the day is given, never asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from plan.base_age import FIRST, OLDEST, Upstream, verdict
from plan.policies import Waiver

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
OLD, YOUNG = NOW - OLDEST - timedelta(days=1), NOW - timedelta(days=3)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
IMAGE = "python:3.13-slim-trixie"
WAIVER = Waiver(policy="base-age", where="python:*", stack="prod", reason="the newer one breaks our driver")


@pytest.mark.parametrize(
    ("built", "newest", "expected"),
    [
        (OLD, YOUNG, "fix"),
        (OLD, OLD, "wait"),
        (OLD, None, "wait"),
        (YOUNG, NOW, "fresh"),
        (NOW - OLDEST, NOW, "fresh"),
        (None, YOUNG, "not told"),
        (EPOCH, YOUNG, "not told"),
    ],
)
def test_an_old_base_is_to_be_changed_where_there_is_a_newer_one(
    built: datetime | None, newest: datetime | None, expected: str
) -> None:
    assert verdict(Upstream("prod", IMAGE, built, newest), NOW, ()) == expected


def test_a_waiver_names_image_and_stack() -> None:
    assert verdict(Upstream("prod", f"{IMAGE}@sha256:1", OLD, YOUNG), NOW, (WAIVER,)) == "waived"
    assert verdict(Upstream("staging", IMAGE, OLD, YOUNG), NOW, (WAIVER,)) == "fix"
    assert verdict(Upstream("prod", "debian:13", OLD, YOUNG), NOW, (WAIVER,)) == "fix"


@given(some.datetimes(datetime(1970, 1, 2), datetime(2026, 8, 31), timezones=some.just(UTC)))
def test_it_is_told_or_counted_in_days(built: datetime) -> None:
    days = Upstream("prod", IMAGE, built, None).days(NOW)
    assert (days is None) == (built < FIRST)
    assert days is None or timedelta(days) <= NOW - built < timedelta(days + 1)
