from __future__ import annotations

from decimal import Decimal

import pytest

from pipelines.quantities import amount


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2", "2"), (2, "2"), ("0.5", "0.5"), (".5", "0.5"), ("1.", "1"), ("250m", "0.25"), ("100u", "0.0001"),
        ("1n", "0.000000001"), ("1Ki", "1024"), ("1.5Gi", "1610612736"), ("1k", "1000"), ("2M", "2000000"),
        ("1E", "1000000000000000000"), ("1Ei", "1152921504606846976"), ("1e3", "1000"), ("5E-1", "0.5"),
    ],
)  # fmt: skip
def test_every_form_that_kubernetes_takes(text: object, expected: str) -> None:
    assert amount(text) == Decimal(expected)


@pytest.mark.parametrize("text", ["", "m", "1 Gi", "-1", "1gi", "1e", "1e3Gi", "NaN", "1e999"])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        amount(text)
