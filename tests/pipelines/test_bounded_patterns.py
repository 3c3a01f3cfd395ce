"""A parameter's pattern is matched when Airflow loads the file: in time."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.bounded_patterns import CHARACTERS, check

PATTERNS = st.lists(
    st.sampled_from(["a", "b", ".", "(", ")", "*", "+", "?", "|", "{2,}", "[ab]", "^", "$"]), max_size=12
)


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|a)*$", "(a|ab)*$", "((a*)b?)*", "a*a*a*a*b", "(?:a{1,}){2,}", "(.*a){20}.*b*x"]
)
def test_what_may_never_end_is_refused(pattern):
    with pytest.raises(ValueError, match="matched in bounded time"):
        check(pattern)


@pytest.mark.parametrize("pattern", ["(", "[", "*", "(?P<a", "a{99999999999999999999}"])
def test_what_is_none_is_refused(pattern):
    with pytest.raises(ValueError, match="a regular expression"):
        check(pattern)


@pytest.mark.parametrize(
    "pattern", ["^[a-z]$", r"^\\d{4}-\\d{2}$", "^(eu|us)-[a-z]+$", "^[^@]+@[^@]+[.][a-z]+$", "(abc)?x{2,3}"]
)
def test_ordinary_ones_are_taken(pattern):
    check(pattern)


@pytest.mark.slow
@given(PATTERNS.map("".join))
def test_what_is_taken_is_matched_soon(pattern):
    try:
        check(pattern)
    except ValueError:
        return
    began = time.process_time()
    re.search(pattern, "a" * CHARACTERS + "!")
    assert time.process_time() - began < 2
