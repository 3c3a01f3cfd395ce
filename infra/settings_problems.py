"""What pydantic found wrong, in the words of who wrote the stack file. No value of a secret is ever shown."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from infra.settings_stores import KINDS, PASSWORD
from pipelines.errors import Problem

#: What pydantic appends to the place of a mapping's key that is wrong.
KEY_OF_A_MAPPING = "[key]"
#: Settings that must be secret, by their place.
SECRET_MAPPINGS = (("airflow", "connections"), ("tasks", "secrets"))
SECRET_PATHS = (
    ("registryCredentials",),
    *SECRET_MAPPINGS,
    ("access", "oidc", "clientSecret"),
    ("database", "password"),
    ("objectStore", "keys"),
)
#: What of a setting that is set key by key is the secret.
_SECRET_HALVES: Mapping[tuple[int | str, ...], tuple[int | str, ...]] = {
    ("registryCredentials",): (0, "password"),
    ("objectStore", "keys", "backup"): ("secretKey",),
}

_LIMITS = {"greater_than": "more than {gt}", "greater_than_equal": "at least {ge}", "less_than_equal": "at most {le}"}
_KINDS = {
    "string_type": "a string",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def problems(error: ValidationError, root: type[BaseModel], file: str) -> Iterator[Problem]:
    """One Problem for each of pydantic's errors."""
    for details in error.errors(include_url=False):
        location = details["loc"]
        key = _dotted(_without_kind(location))
        if "." in details["type"]:
            # What a record checks as a whole names the key that is missing itself.
            yield _nothing_at(details["type"], details["msg"], file)
        elif details["type"] == "union_tag_invalid":
            kinds = ", ".join(KINDS[str(location[-1])])
            told = details["ctx"]["tag"]
            yield Problem(file, f"{key}.kind", repr(told), f"one of {kinds}", f"correct {key}.kind")
        elif not location:
            yield _no_log_in(details, file)
        elif details["type"] == "extra_forbidden":
            yield _unknown(location, root, file, key)
        elif details["type"] == "missing":
            yield Problem(
                file, key, "nothing", _description(location, root), f"set {key}{_how(_without_kind(location))}"
            )
        else:
            yield Problem(file, key, _found(details, location), _expected(details), f"correct {key}")


def missing_password(values: Mapping[str, object], file: str) -> Iterator[Problem]:
    """Told beside other mistakes too: a record asks for it only where each of its fields is right."""
    found = values.get("database")
    if not isinstance(found, Mapping) or {"password", "secret"} & found.keys():
        return
    if found.get("kind") == "external" and found.get("host"):
        yield _nothing_at(*PASSWORD, file)


def in_clear_text(place: tuple[str, ...], file: str) -> Problem:
    """What to say of a secret that everybody can read in the stack file."""
    fix = f"remove it, then set it{_how(place)}; what was committed is known: make another password"
    return Problem(file, _dotted(place), "clear text", "a secret", fix)


def _nothing_at(key: str, expected: str, file: str) -> Problem:
    return Problem(file, key, "nothing", expected, f"set {key}{_how(tuple(key.split('.')))}")


def _dotted(place: tuple[int | str, ...]) -> str:
    key = ""
    for part in place:
        if part == KEY_OF_A_MAPPING:
            continue
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else str(part)
    return key


def _without_kind(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """What pydantic puts in after the place of a choice: the kind that was chosen."""
    return location[:1] + location[2:] if location and location[0] in KINDS else location


def _no_log_in(details: ErrorDetails, file: str) -> Problem:
    """What the settings as a whole check: a log-in for the registry among those of the pull secret."""
    servers = [str(entry["server"]) for entry in details["input"]["registryCredentials"]]
    found = f"log-ins for {', '.join(servers) or 'no server'}"
    fix = f"correct registry.server, or add one{_how(('registryCredentials', len(servers), 'password'))}"
    return Problem(file, "registryCredentials", found, _expected(details), fix)


def _unknown(location: tuple[int | str, ...], root: type[BaseModel], file: str, key: str) -> Problem:
    record = _record(location[:-1], root)
    known = sorted(str(field.alias) for field in record.model_fields.values()) if record else []
    near = difflib.get_close_matches(str(location[-1]), known, n=1)
    fix = f"did you mean {near[0]}?" if near else "remove the key"
    return Problem(file, key, "a key that does not exist", "one of " + ", ".join(known), fix)


def _description(location: tuple[int | str, ...], root: type[BaseModel]) -> str:
    record = _record(location[:-1], root)
    for name, field in record.model_fields.items() if record else ():
        if field.alias == location[-1]:
            inner = _record(location, root)
            keys = [str(part.alias) for part in inner.model_fields.values() if part.is_required()] if inner else []
            many = "a list, each entry " if get_origin(field.annotation) is tuple else ""
            return f"{many}a mapping with {', '.join(keys)}" if keys else f"a value for {name.replace('_', ' ')}"
    return "a value"


def _record(location: tuple[int | str, ...], root: type[BaseModel]) -> type[BaseModel] | None:
    """The record that stands at a location, or that a list there holds."""
    record: type[BaseModel] | None = root
    annotation: Any = None
    if len(location) > 1 and location[0] in KINDS:
        record, location = KINDS[str(location[0])][str(location[1])], location[2:]
    for part in location:
        if isinstance(part, int) or record is None:
            continue
        if get_origin(annotation) is Mapping:
            annotation = None
            continue
        annotation = next((f.annotation for f in record.model_fields.values() if f.alias == part), None)
        record = next((kind for kind in _leaves(annotation) if issubclass(kind, BaseModel)), None)
    return record


def _leaves(annotation: Any) -> Iterator[type]:
    if isinstance(annotation, type):
        yield annotation
    for argument in get_args(annotation):
        yield from _leaves(argument)


def _is_secret(place: tuple[int | str, ...]) -> bool:
    return any(place[: len(secret)] == secret for secret in SECRET_PATHS)


def _how(place: tuple[int | str, ...]) -> str:
    key = _dotted((*place, *_SECRET_HALVES.get(place, ())))
    if place in SECRET_MAPPINGS:
        key += ".<name>"
    return f", as a secret: pulumi config set --secret --path '{key}'" if _is_secret(place) else ""


def _found(details: ErrorDetails, location: tuple[int | str, ...]) -> str:
    value = details["input"]
    if isinstance(value, (dict, list, tuple)):
        return "an empty list" if not value else "a mapping" if isinstance(value, dict) else "a list"
    if _is_secret(_without_kind(location)) and location[-1] != KEY_OF_A_MAPPING:
        return f"a secret {type(value).__name__}" if value else "an empty secret"
    return repr(value)


def _expected(details: ErrorDetails) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return "one of " + str(context["expected"]).replace(" or ", ", ").replace("'", "")
    if kind in _LIMITS:
        return _LIMITS[kind].format(**context)
    return _KINDS.get(kind, details["msg"][0].lower() + details["msg"][1:])
