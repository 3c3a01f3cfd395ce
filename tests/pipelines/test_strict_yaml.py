"""YAML that is refused, and the lines of what is not."""

from __future__ import annotations

import re
from datetime import date

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
    assert document.places == {
        "": (1, 1, 1),
        "a": (1, 1, 4),
        "b": (2, 1, 1),
        "b.c": (3, 3, 6),
        "b.d": (4, 3, 3),
        "b.d.0": (5, 7, 7),
        "b.d.1": (6, 7, 7),
        "b.d.1.e": (6, 8, 11),
    }


def test_keys_are_text_as_written(read):
    document, _ = read("on: on\n1: 1\n2026-01-01: 2026-01-01\n'null': null\n~: =\n")
    assert document.content == {"on": True, "1": 1, "2026-01-01": date(2026, 1, 1), "null": None, "~": "="}


BAD = {
    "duplicate key": ("a: 1\nb: 2\na: 3\n", "dags/x.yaml:3:1", "the key a second time"),
    "duplicate key below": ("b:\n  a: 1\n  'a': 3\n", "dags/x.yaml:3:3", "the key a second time"),
    "alias": ("a: &x [1]\nb: *x\n", "dags/x.yaml:2:4", "an alias: *x"),
    "anchor": ("a: &x [1]\n", "dags/x.yaml:1:4", "an anchor: &x"),
    "merge": ("a: {c: 1}\nb: {<<: {d: 1}}\n", "dags/x.yaml:2:5", "a key that is no plain name"),
    "bomb": ("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n", "dags/x.yaml:2:8", "an alias"),
    "circle": ("a: &a [*a]\n", "dags/x.yaml:1:8", "an alias"),
    "list as a key": ("? [1, 2]\n: 3\n", "dags/x.yaml:1:3", "a key that is no plain name"),
    "alias as a key": ("a: &a b\n? *a\n: 3\n", "dags/x.yaml:2:3", "a key that is no plain name"),
    "two documents": ("a: 1\n---\nb: 2\n", "dags/x.yaml:2:1", "a second document"),
    "tab": ("a:\n\tb: 1\n", "dags/x.yaml:2:1", "found character that cannot start any token"),
    "colon": ("a: b: c\n", "dags/x.yaml:1:5", "mapping values are not allowed in this context"),
    "empty": ("# nothing\n", "dags/x.yaml:1:1", "nothing"),
    "Python object": (
        "a: !!python/object/apply:os.system [ls]\n",
        "dags/x.yaml:1:4",
        "a tag: tag:yaml.org,2002:python",
    ),
    "tag of a text": ("a: !!str 5\n", "dags/x.yaml:1:4", "a tag: tag:yaml.org,2002:str"),
    "not UTF-8": (b"a: \xff\xfe\n", "dags/x.yaml:1:4", "0xff, invalid start byte"),
    "UTF-16": ("a: 1\n".encode("utf-16"), "dags/x.yaml:1:1", "0xff, invalid start byte"),
    "NUL": ("a: 1\nb: \0", "dags/x.yaml:2:4", "U+0000: a control character"),
    "half a surrogate pair": ('a: "\\ud800"', "dags/x.yaml:1:7", "invalid Unicode character escape"),
    "half a surrogate pair as a key": ('"\\ud800": 1', "dags/x.yaml:1:4", "invalid Unicode character escape"),
    "no date": ("a: 2026-13-45\n", "dags/x.yaml:1:4", "2026-13-45: month must be in 1..12"),
    "no number": (f"a: {'9' * 5000}\n", "dags/x.yaml:1:4", "a number of 5000 characters"),
    "deep list": ("[" * 2_000, "dags/x.yaml:1:42", "nested too deeply"),
    "deep mapping": ("{a: " * 60 + "1" + "}" * 60, "dags/x.yaml:1:165", "nested too deeply"),
    "long keys": (f"{'k' * 300}:\n  {'k' * 300}: 1", "dags/x.yaml:2:305", "601 characters of keys"),
    "key of no terminal": ('"\\e[2J": 1\n"\\e[2J": 2\n', "dags/x.yaml:2:1", "the key a second time"),
    "large": ("a: " + "x" * MAXIMUM_BYTES, "dags/x.yaml:1:1", "bytes"),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(read, name):
    text, place, found = BAD[name]
    document, problems = read(text)
    assert document is None
    assert all(re.fullmatch(r"dags/x\.yaml:\d+:\d+", problem.file) for problem in problems)
    assert all(character.isprintable() for problem in problems for character in problem.key + problem.found)
    assert any(problem.file == place and found in problem.found for problem in problems), problems


@given(st.text(st.sampled_from(" \t\n-:[]{}&*!|>'\"%@`#,?<=ab01.~\0é\u2028")) | st.text() | st.binary())
def test_any_bytes_are_read_or_told(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode(errors="replace"))
    document, problems = read_yaml(file, "x")
    assert (document is None) is bool(problems)
