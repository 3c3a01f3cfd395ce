"""Credentials in clear text: the one thing for which a file is refused. Messages never show a value."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from adoption.arguments import Items
from adoption.syntax import Source
from pipelines.errors import Problem
from pipelines.secret_findings import ADDRESS, ASSIGNED, FORMS

#: Variables of an environment; those that name a place of a secret, and not the secret, are exempt.
VARIABLE = re.compile(
    r"[A-Z0-9_]*(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|ACCESS_KEY|PRIVATE_KEY|CREDENTIALS?)[A-Z0-9_]*"
)
PLACE = re.compile(r".*(_NAME|_PATH|_FILE|_DIR|_ARN|_URL|_URI|_ENDPOINT|_KEY_REF|_EXPIRY|_TTL|_SECONDS)")
#: Arguments and attributes.
ARGUMENT = re.compile(r"(.*_)?(password|passwd|token|api_?key|access_key|secret_key|private_key)", re.I)
OPTION = re.compile(r"--?[\w-]*(password|passwd|token|api-?key|access-key|secret-key)(?P<value>=.+)?", re.I)
TEMPLATE = re.compile(r"\s*\{\{.*\}\}\s*", re.DOTALL)
PLACEHOLDERS = frozenset({"", "none", "null", "changeme", "***"})
EXPECTED = "a Kubernetes Secret: Secret('env', '<VARIABLE>', '<secret>', '<key>'), or a connection of Airflow"
FIX = (
    "move it into a Secret, take it out of the file and its history, and make a new one; "
    "in Elyra, name a Secret in the runtime configuration"
)


def problems(source: Source) -> list[Problem]:
    """Every credential that stands in the file, each place once."""
    found: dict[str, Problem] = {}
    for node, what in (*_named(source), *_texts(source), *_options(source)):
        line, column = source.place(node)
        place = f"{source.shown_as}:{line}:{column}"
        found.setdefault(place, Problem(place, what, "a credential in clear text", EXPECTED, FIX))
    return list(found.values())


def _is_text(source: Source, node: cst.BaseExpression) -> bool:
    found = source.value(node)
    return isinstance(found, str) and found.lower() not in PLACEHOLDERS and not TEMPLATE.fullmatch(found)


def _names_one(name: str) -> bool:
    if name.isupper():
        return VARIABLE.fullmatch(name) is not None and not PLACE.fullmatch(name)
    return ARGUMENT.fullmatch(name) is not None


def _named(source: Source) -> Iterator[tuple[cst.CSTNode, str]]:
    """Values under a name that says what they are."""
    for node in (*source.all(cst.Call), *source.all(cst.Dict)):
        items = Items(source, node)
        named, value = items.get("name"), items.get("value")
        variable = source.value(named.value) if named else None
        if isinstance(variable, str) and value and _names_one(variable) and _is_text(source, value.value):
            yield value.value, variable
        for item in items.all:
            if item.name and _names_one(item.name) and _is_text(source, item.value):
                yield item.value, item.name
    for assign in source.all(cst.Assign):
        for target in assign.targets:
            name = _target(source, target.target)
            if _names_one(name) and _is_text(source, assign.value):
                yield assign.value, name


def _target(source: Source, target: cst.BaseExpression) -> str:
    """The name or constant key that is assigned to."""
    if isinstance(target, cst.Name):
        return target.value
    if isinstance(target, cst.Attribute):
        return target.attr.value
    if isinstance(target, cst.Subscript) and len(target.slice) == 1 and isinstance(target.slice[0].slice, cst.Index):
        found = source.value(target.slice[0].slice.value)
        return found if isinstance(found, str) else ""
    return ""


def _texts(source: Source) -> Iterator[tuple[cst.CSTNode, str]]:
    """Text that is a credential by its form, whatever its name."""
    for node in (*source.all(cst.SimpleString), *source.all(cst.FormattedStringText)):
        text = source.text_of(node)
        if any(form.search(text.encode(errors="replace")) for _, form in FORMS.values()):
            yield node, "a text"
        elif ADDRESS.search(text):
            yield node, "a log-in in an address"
        elif (assigned := ASSIGNED.search(text)) and "{{" not in assigned.group():
            yield node, assigned["name"]


def _options(source: Source) -> Iterator[tuple[cst.CSTNode, str]]:
    """``--password``, and the word after it."""
    for node in source.all(cst.List):
        words = [source.value(element.value) for element in node.elements]
        for number, word in enumerate(words):
            option = OPTION.fullmatch(word) if isinstance(word, str) else None
            following = node.elements[number + 1].value if number + 1 < len(words) else None
            if option and option["value"] and not TEMPLATE.search(option["value"]):
                yield node.elements[number], word.partition("=")[0]
            elif option and not option["value"] and following is not None and _is_text(source, following):
                yield following, word
