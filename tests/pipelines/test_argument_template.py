"""Arguments reach the code as they were written, whatever is in them."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.argument_template import (
    ENVIRONMENT,
    arguments_template,
    bad_templates,
    is_template,
    literal_template,
    word_template,
)

pytestmark = pytest.mark.slow

HOSTILE = [
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "$(HOME)",
    "$$",
    '"',
    "'",
    "\\",
    "\n",
    "\r\n",
    "endfilter",
    "raw",
    "x",
    "</",
]
hostile = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=3), max_size=6).map("".join)
literals = hostile.filter(lambda text: not is_template(text))


def json_values(strings):
    scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | strings
    return st.recursive(scalars, lambda below: st.lists(below) | st.dictionaries(hostile, below), max_leaves=6)


def rendered(arguments, **context):
    text = ENVIRONMENT.from_string(arguments_template(arguments)).render(**context)
    assert "$" not in text
    return json.loads(text)


@given(st.dictionaries(hostile, json_values(literals), max_size=4))
def test_what_is_no_template_arrives_unchanged(arguments):
    assert rendered(arguments) == arguments


@given(json_values(hostile), literals, hostile)
def test_a_value_stays_in_its_place(value, other, key):
    arguments = {"first": other, key + "1": "{{ value }}", "list": [{"x": "{{ value }}"}], "last": 1}
    assert rendered(arguments, value=value) == {"first": other, key + "1": value, "list": [{"x": value}], "last": 1}


@example("", "", "{")
@given(hostile, literals, literals)
def test_text_around_an_expression_makes_a_string(value, before, after):
    text = f"{before} {{{{ value }}}} {after}"
    if is_template(before + " ") or is_template(" " + after):
        return
    expected = ENVIRONMENT.from_string(text + "|").render(value=value)[:-1]
    assert rendered({"a": text}, value=value) == {"a": expected}


def expanded(word):
    """As Kubernetes does it, where no variable is set."""
    assert not re.search(r"(?<!\$)(\$\$)*\$(?!\$)", word)
    return word.replace("$$", "$")


@given(hostile, literals)
def test_a_word_arrives_as_it_was_written_or_rendered(value, text):
    assert expanded(ENVIRONMENT.from_string(word_template(text)).render()) == text
    assert expanded(ENVIRONMENT.from_string(word_template("{{ value }}")).render(value=value)) == value
    for end in (".", "{"):
        around = ENVIRONMENT.from_string(word_template(f"{text} {{{{ value }}}}{end}")).render(value=value)
        if not is_template(text + " "):
            assert expanded(around) == re.sub(r"\r\n?", "\n", text) + f" {value}{end}"


@given(hostile)
def test_a_template_is_refused_or_keeps_its_place(text):
    arguments = {"a": text, "b": "kept"}
    if list(bad_templates(arguments)):
        return
    result = rendered(arguments, x="value")
    assert result["b"] == "kept"
    assert set(result) == {"a", "b"}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ x }}", {"k": [1]}),
        ("{{- x -}}", {"k": [1]}),
        ("{{ x['k'] }}", [1]),
        ("{{ x, 1 }}", [{"k": [1]}, 1]),
        ("{{ {'a': x} }}", {"a": {"k": [1]}}),
        ("{{ 1 if x else 2 }}", 1),
        ("{{ x | length }}", 1),
        ("{{ 'a}}b' }}", "a}}b"),
        ("{{ '{{' }}", "{{"),
        ("{{ x }} ", "{'k': [1]} "),
        ("{{ x }}{{ x }}", "{'k': [1]}{'k': [1]}"),
        ("{% if x %}yes{% else %}no{% endif %}", "yes"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("{# nothing #}", ""),
        ("{% set y = 2 %}{{ y }}", "2"),
    ],
)
def test_kinds_of_templates(template, value):
    assert rendered({"a": template}, x={"k": [1]}) == {"a": value}


@pytest.mark.parametrize(
    "template",
    [
        "{{ x ",
        "{{ }}",
        "{{ x) | tojson }}{{ (1 }}",
        "{{ x }}{% endfilter %}{{ y }}{% filter upper %}",
        "{% endraw %}",
        "{% include 'x' %}",
        "{% extends 'x' %}",
        "{% block a %}{% endblock %}",
        "{% macro a() %}{% endmacro %}",
        "{{ x | no_such_filter }}",
        "{{ x is no_such_test }}",
        "{{ " + "(" * 5000 + "x",
    ],
)
def test_bad_templates(template):
    [bad] = bad_templates({"a": [{"b": template}]})
    assert (bad.key, bad.text) == ("a.0.b", template)


def test_constants_are_not_worked_out():
    assert list(bad_templates({"a": "{{ 9**9**9**9 }}", "b": "{{ 'x' * 10**12 }}"})) == []
    arguments_template({"a": "{{ 9**9**9**9 }}"})


def test_filters_of_airflow_are_known():
    assert list(bad_templates({"a": "{{ logical_date | ds_nodash }}"})) == []


@given(hostile)
def test_a_literal_renders_to_itself(text):
    assert ENVIRONMENT.from_string(literal_template(text)).render() == text


def test_a_plain_literal_is_left_alone():
    assert literal_template("postgres://a/b?c={d}") == "postgres://a/b?c={d}"
    assert re.fullmatch(r'\{\{ "[^{}]*" \}\}', literal_template("{{ x }}"))
