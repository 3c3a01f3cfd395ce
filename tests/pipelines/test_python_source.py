"""Text becomes string literals and nothing else."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.python_source import WIDTH, Call, Name, literal, written

texts = st.text(st.characters()) | st.lists(st.sampled_from(["'", '"', "\\", "\n", "#", "x" * 60, "é", "\u202e"])).map(
    "".join
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(texts, below, max_size=4),
    max_leaves=8,
)


@given(texts)
def test_a_literal_is_the_text(text):
    tree = ast.parse(literal(text), mode="eval")
    assert isinstance(tree.body, ast.Constant)
    assert tree.body.value == text
    assert "\n" not in literal(text)
    assert "\u202e" not in literal(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", '"plain"'),
        ("it's", '"it\'s"'),
        ('say "no"', "'say \"no\"'"),
        ("""'it' is "it\"""", """\"'it' is \\"it\\"\""""),
        ("""it's "it\"""", """'it\\'s "it"'"""),
    ],
)
def test_quotes_are_those_that_ruff_wants(text, shown):
    assert literal(text) == shown


@given(values, st.integers(0, 3))
def test_a_value_is_read_back(value, indent):
    assert ast.literal_eval(written(value, indent).strip()) == value


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), values), st.lists(values, max_size=3))
def test_a_call_is_one_call(named, arguments):
    tree = ast.parse(f"x = {written(Call(Name('f.g'), named, arguments), before=4)}")
    [statement] = tree.body
    call = statement.value
    assert ast.unparse(call.func) == "f.g"
    assert [ast.literal_eval(one) for one in call.args] == arguments
    assert {one.arg: ast.literal_eval(one.value) for one in call.keywords} == named


@given(st.lists(st.integers(0, 999), max_size=60))
def test_lines_are_short_where_they_can_be(numbers):
    assert all(len(line) <= WIDTH for line in written({"numbers": numbers}).split("\n"))


@pytest.mark.parametrize("text", ["", "a b", "a;b", "import", "a.", "a()", "a\n", "é", "None"])
def test_names_are_names(text):
    with pytest.raises(ValueError, match="no name"):
        Name(text)


def test_what_has_no_literal_is_refused():
    with pytest.raises(TypeError, match="object"):
        written([object()])
