"""YAML that is refused, and the lines of what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.strict_yaml import MAXIMUM_BYTES, read_yaml


@pytest.fixture
def read(tmp_path):
    def read_text(text: str | bytes):
        file = tmp_path / "x.yaml"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_yaml(file, "dags/x.yaml")

    return read_text


def test_lines_of_keys(read):
    document, problems = read("a: 1\nb:\n  c: 2\n  d:\n    - x\n    - {e: f}\n")
    assert problems == []
    assert document.content == {"a": 1, "b": {"c": 2, "d": ["x", {"e": "f"}]}}
    assert document.lines == {"a": 1, "b": 2, "b.c": 3, "b.d": 4, "b.d.0": 5, "b.d.1": 6, "b.d.1.e": 6}


BAD = {
    "duplicate key": ("a: 1\nb: 2\na: 3\n", "dags/x.yaml:3", "the key a second time"),
    "duplicate key below": ("b:\n  a: 1\n  'a': 3\n", "dags/x.yaml:3", "the key a second time"),
    "alias": ("a: &x [1]\nb: *x\n", "dags/x.yaml", "an alias"),
    "merge": ("a: &x {c: 1}\nb: {<<: *x}\n", "dags/x.yaml:2", "a key that is no plain name"),
    "bomb": ("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n", "dags/x.yaml", "an alias"),
    "circle": ("a: &a [*a]\n", "dags/x.yaml", "an alias"),
    "list as a key": ("? [1, 2]\n: 3\n", "dags/x.yaml:1", "a key that is no plain name"),
    "two documents": ("a: 1\n---\nb: 2\n", "dags/x.yaml:2", "but found another document"),
    "tab": ("a:\n\tb: 1\n", "dags/x.yaml:2", "found character '\\t' that cannot start any token"),
    "empty": ("# nothing\n", "dags/x.yaml", "nothing"),
    "Python object": (
        "a: !!python/object/apply:os.system [ls]\n",
        "dags/x.yaml:1",
        "could not determine a constructor",
    ),
    "not UTF-8": (b"a: \xff\xfe\n", "dags/x.yaml", "invalid start byte"),
    "NUL": ("a: \0", "dags/x.yaml", "special characters are not allowed"),
    "half a surrogate pair": ('a: "\\ud800"', "dags/x.yaml:1", "half of a surrogate pair"),
    "half a surrogate pair as a key": ('"\\ud800": 1', "dags/x.yaml:1", "half of a surrogate pair"),
    "no date": ("a: 2026-13-45\n", "dags/x.yaml", "month must be in 1..12"),
    "no number": (f"a: {'9' * 5000}\n", "dags/x.yaml", "Exceeds the limit"),
    "deep list": ("[" * 2_000, "dags/x.yaml", "nested too deeply"),
    "deep mapping": ("{a: " * 60 + "1" + "}" * 60, "dags/x.yaml:1", "nested too deeply"),
    "large": ("a: " + "x" * MAXIMUM_BYTES, "dags/x.yaml", "bytes"),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(read, name):
    text, place, found = BAD[name]
    document, problems = read(text)
    assert document is None
    assert any(problem.file == place and found in problem.found for problem in problems), problems


@given(st.text(st.sampled_from(" \t\n-:[]{}&*!|>'\"%@`#,?<=ab01.~\0é\u2028")) | st.text() | st.binary())
def test_any_bytes_are_read_or_told(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode(errors="replace"))
    document, problems = read_yaml(file, "x")
    assert (document is None) is bool(problems)
