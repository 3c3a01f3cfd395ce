from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.image_records import ImageRecord, read_records, records_text
from pipelines.licences import Licences, read_licences

ROOT = Path(__file__).parents[2]
ACCEPTED = Licences(frozenset(("mit", "apache-2.0")), {"BSD": "MIT"})


@pytest.mark.parametrize(
    ("words", "accepted"),
    [
        ("MIT", True),
        ("mit", True),
        ("BSD", True),
        ("GPL-3.0-only", False),
        ("", False),
        ("MIT OR GPL-3.0-only", True),
        ("GPL-3.0-only OR MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("GPL-3.0-only AND MIT OR Apache-2.0", True),
        ("GPL-3.0-only AND (MIT OR Apache-2.0)", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("(MIT)", True),
        ("(MIT", False),
        ("MIT)", False),
        ("MIT MIT", False),
        ("MIT OR", False),
    ],
)
def test_an_expression_is_accepted_as_spdx_reads_it(words: str, accepted: bool) -> None:
    assert ACCEPTED.accept(words) is accepted


@given(st.text())
def test_any_words_are_judged(words: str) -> None:
    assert not Licences(frozenset()).accept(words)


def test_the_committed_list_reads() -> None:
    found = read_licences(ROOT)
    assert found
    assert found.accept("BSD License")
    assert not found.accept("AGPL-3.0-only")
    assert all(found.accept(name) for name in found.names)


@given(st.dictionaries(st.text(), st.builds(ImageRecord, key=st.text(), to_pull=st.integers(1), licences=st.just({}))))
def test_records_read_back(records: dict[str, ImageRecord]) -> None:
    assert records_text(records).endswith("\n")


def test_what_was_written_reads_back(tmp_path: Path) -> None:
    records = {"etl": ImageRecord(key="k", to_pull=7, licences={"a==1": "MIT"})}
    (tmp_path / "images").mkdir()
    assert read_records(tmp_path) == {}
    (tmp_path / "images" / "built.json").write_text(records_text(records))
    assert read_records(tmp_path) == records
