"""A task's arguments as one text that Airflow renders to JSON.

Only strings are templates. A string that is one expression and nothing else (``{{ ti.xcom_pull(...) }}``) becomes the
expression's value, of whatever type; any other template becomes a JSON string. Both go through Jinja's ``tojson``, so
no value, however hostile, leaves its place. What is no template is written as JSON with its braces escaped, so that
Jinja sees nothing in it.

The text reaches a pod as an environment variable, in which Kubernetes replaces ``$(NAME)`` by another variable's value,
a password perhaps, and ``$$`` by ``$``. So no dollar sign is left in it: JSON has an escape for that too.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateSyntaxError, nodes
from jinja2.sandbox import SandboxedEnvironment

# As Airflow's own environment is made.
ENVIRONMENT = SandboxedEnvironment(extensions=["jinja2.ext.do"], cache_size=0)
REFUSED = (nodes.Extends, nodes.Block, nodes.Include, nodes.Import, nodes.FromImport, nodes.Macro)
# https://airflow.apache.org/docs/apache-airflow/stable/templates-ref.html#filters
AIRFLOW_FILTERS = {"ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz"}
OPENERS = ("{{", "{%", "{#")
# Airflow reads a field of BashOperator that ends so as the name of a file that holds the template.
TEMPLATE_FILES = (".sh", ".bash")


@dataclass(frozen=True)
class BadTemplate:
    """``key`` is dotted, below the arguments."""

    key: str
    text: str
    message: str


def arguments_template(arguments: Mapping[str, Any], item: str = "") -> str:
    """The text; rendered by Jinja it is one JSON object without ``$``. The arguments have no bad template.

    ``item`` is the start of a template that sets the variable of that name, of a mapped task.
    """
    text = _json(arguments)
    if any(is_template(value) for _, value in _strings(arguments, "")):
        return item + '{% filter replace("$", "\\\\u0024") %}' + text + "{% endfilter %}"
    return text


def environment_templates(arguments: Mapping[str, Any], item: str = "") -> dict[str, str]:
    """Each argument as a template of its own: a text as it is, any other value as JSON."""
    found = {}
    for name, value in arguments.items():
        if isinstance(value, str):
            found[name] = item + value if is_template(value) else literal_template(value)
        elif any(is_template(text) for _, text in _strings(value, "")):
            found[name] = item + _json(value)
        else:
            found[name] = literal_template(json.dumps(value, allow_nan=False))
    return found


def item_of_list(items: Sequence[Any]) -> str:
    """``item`` is what stands in a list of JSON values at the index of the mapped task."""
    text = json.dumps(list(items), allow_nan=False)
    return '{% set item = macros.json.loads("' + _escaped(text) + '")[ti.map_index] %}'


def item_of_result(task: str) -> str:
    """``item`` is what stands in the XCom of another task at the index of the mapped task."""
    return '{% set item = ti.xcom_pull(task_ids="' + _escaped(task) + '")[ti.map_index] %}'


def bad_templates(arguments: Mapping[str, Any]) -> Iterator[BadTemplate]:
    """The strings that Jinja cannot read, or that use what Airflow does not have."""
    for key, text in _strings(arguments, ""):
        if message := _fault(text):
            yield BadTemplate(key, text, message)


@functools.lru_cache(maxsize=4096)
def _tree(text: str) -> nodes.Template:
    """Nobody changes a tree; the same few expressions stand in most tasks."""
    return ENVIRONMENT.parse(text)


@functools.lru_cache(maxsize=4096)
def _fault(text: str) -> str:
    """What is wrong with a string as a template; empty when nothing is."""
    if not is_template(text):
        return ""
    try:
        return _unknown(_tree(text)) or _unfinished(text)
    except TemplateSyntaxError as error:
        return str(error).split("\n", 1)[0]
    except RecursionError:
        return "nested too deeply"


def _unknown(tree: nodes.Template) -> str:
    # Not found by compiling: that works out constant expressions, such as 9**9**9.
    if next(tree.find_all(REFUSED), None):
        return "blocks, macros and other files have no place in an argument"
    for kind, known in ((nodes.Filter, ENVIRONMENT.filters.keys() | AIRFLOW_FILTERS), (nodes.Test, ENVIRONMENT.tests)):
        for used in tree.find_all(kind):
            if used.name not in known:
                return f"there is no {kind.__name__.lower()} {used.name!r}"
    return ""


def _unfinished(text: str) -> str:
    """Jinja forgives what the end of a text leaves open; in its place among others it must be closed."""
    placed = _tree(_placed(text)).body
    whole = len(placed) == 1 and isinstance(placed[0], nodes.FilterBlock | nodes.Output)
    return "" if whole else "it does not end"


def templates(arguments: Mapping[str, Any]) -> Iterator[tuple[str, nodes.Template]]:
    """(dotted key, syntax tree) of each good template."""
    for key, text in _strings(arguments, ""):
        if is_template(text) and not _fault(text):
            yield key, _tree(text)


def is_template(text: str) -> bool:
    return any(opener in text for opener in OPENERS)


def literal_template(text: str) -> str:
    """A template that renders to just this text: for values that are not templates in fields that are."""
    if not is_template(text) and "\r" not in text and not text.endswith(("\n", *TEMPLATE_FILES)):
        return text
    return '{{ "' + _escaped(text) + '" }}'


def word_template(text: str, item: str = "") -> str:
    """A template for one word of a container's command or arguments, in which Kubernetes expands $(NAME) too.

    It arrives as the text, or as what the template in it renders to. ``item`` as in ``arguments_template``.
    """
    if not is_template(text):
        return literal_template(text.replace("$", "$$"))
    return item + '{% filter replace("$", "$$") %}' + _ended(text) + "{% endfilter %}"


def _json(value: Any) -> str:
    if isinstance(value, Mapping):
        items = (f"{_literal(str(key))}: {_json(item)}" for key, item in value.items())
        return "{" + ", ".join(items) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_json(item) for item in value) + "]"
    if isinstance(value, str) and is_template(value):
        return _placed(value)
    return _literal(value)


def _placed(template: str) -> str:
    expression = _only_expression(template)
    if expression is not None:
        return "{{ (" + expression + ") | tojson }}"
    return "{% filter tojson %}" + _ended(template) + "{% endfilter %}"


def _ended(template: str) -> str:
    """A brace at the end would make an opener with the one that follows."""
    return template[:-1] + '{{ "\\x7b" }}' if template.endswith("{") else template


def _literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False).replace("{", "\\u007b").replace("$", "\\u0024")


@functools.lru_cache(maxsize=4096)
def _only_expression(text: str) -> str | None:
    """The source of the expression when the template is one ``{{ expression }}`` and nothing around it."""
    output = _tree(text).body
    if len(output) != 1 or not isinstance(output[0], nodes.Output) or len(output[0].nodes) != 1:
        return None
    if isinstance(output[0].nodes[0], nodes.TemplateData):
        return None
    tokens = list(ENVIRONMENT.lex(text))
    if tokens[0][1] != "variable_begin" or tokens[-1][1] != "variable_end":
        return None
    return "".join(token for _, _, token in tokens[1:-1]).strip()


def _strings(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _strings(item, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            yield from _strings(item, f"{key}.{position}")


def _escaped(text: str) -> str:
    """Inside a string of a template."""
    return "".join(character if _plain(character) else _escape(character) for character in text)


def _plain(character: str) -> bool:
    return character.isascii() and character.isprintable() and character not in '"\\{}'


def _escape(character: str) -> str:
    point = ord(character)
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
