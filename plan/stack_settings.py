"""A stack's settings from its file alone: what is encrypted there is stood in for by a hash of its ciphertext."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from infra import settings_source
from infra.settings import Settings
from infra.settings_problems import SECRET_MAPPINGS, SECRET_PATHS
from plan.stacks import stack_file

#: Stands for what is encrypted; a URI, so that it passes where one is asked for.
ENCRYPTED = "encrypted://"
#: Stands for a secret that the committed file does not hold: it differs from machine to machine.
ELSEWHERE = "elsewhere://"
DIGITS = 16
#: Variables are text to the settings, and a Secret in the cluster.
HIDDEN = (("airflow", "variables"), *SECRET_PATHS)

#: Of these not all is secret.
SECRET_PARTS = {"registryCredentials": "password", "objectStore": "secretKey"}

#: Entries of settings two levels down that a stack gets elsewhere than in its file.
Declared = Mapping[tuple[str, str], Mapping[str, Mapping[str, Any]]]


def load(root: Path, stack: str, declared: Declared) -> Settings:
    """The settings, whatever chart the environment names. Raises InputError with every problem.

    Of ``declared`` only names count.
    """
    values = _mapping(_stood_in(settings_source.read_stack_file(root / stack_file(stack)), ()))
    names = {
        place: {name: _elsewhere(place, entry) for name, entry in each.items()} for place, each in declared.items()
    }
    values = settings_source.with_entries(values, names)
    if not values.get("registryCredentials"):
        server = _mapping(values.get("registry")).get("server")
        values["registryCredentials"] = _log_in(server, f"{ELSEWHERE}registryCredentials")
    return settings_source.parse(values, stack_file(stack), environment={})


def in_clear_text(root: Path, stack: str) -> tuple[str, ...]:
    """Places of secrets that everybody can read in the stack file."""
    values = settings_source.read_stack_file(root / stack_file(stack))
    leaves = dict(_leaves(values, ()))
    return tuple(
        sorted(
            ".".join(map(str, place))
            for place, value in leaves.items()
            if any(place[: len(secret)] == secret for secret in SECRET_PATHS)
            and place[-1] == SECRET_PARTS.get(str(place[0]), place[-1])
            and value is not None
        )
    )


def flat(settings: Settings) -> dict[str, Any]:
    """Every setting, defaults too, by its dotted place in the stack file; secrets by a hash."""
    return dict(sorted(_flat(settings, ())))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]


def hidden(text: str) -> str:
    """What is shown in place of a secret's value."""
    if text.startswith(ENCRYPTED):
        return f"encrypted ({text.removeprefix(ENCRYPTED)})"
    if text.startswith(ELSEWHERE):
        return "set elsewhere"
    return f"hidden ({digest(text)})"


def _stood_in(value: object, place: tuple[str | int, ...]) -> object:
    if isinstance(value, Mapping):
        if set(value) == {settings_source.ENCRYPTED}:
            return _encrypted(f"{ENCRYPTED}{digest(str(value[settings_source.ENCRYPTED]))}", place)
        return {key: _stood_in(item, (*place, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_stood_in(item, (*place, number)) for number, item in enumerate(value)]
    return value


def _encrypted(stand_in: str, place: tuple[str | int, ...]) -> object:
    """Of the form that the settings expect at a place whose whole value is encrypted."""
    if place == ("registryCredentials",):
        return _log_in(None, stand_in)
    if place[:2] == ("tasks", "secrets") and len(place) == 3:
        return {"UNKNOWN": stand_in}
    if place == ("objectStore", "keys"):
        return None
    return {} if len(place) == 1 or place in SECRET_MAPPINGS else stand_in


def _elsewhere(place: tuple[str, str], entry: Mapping[str, Any]) -> object:
    stand_in = f"{ELSEWHERE}{'.'.join(place)}"
    return dict.fromkeys(entry, stand_in) if place == ("tasks", "secrets") else stand_in


def _log_in(server: object, password: str) -> list[dict[str, object]]:
    return [{"server": server or "none", "username": "none", "password": password}]


def _mapping(found: object) -> dict[str, Any]:
    return dict(found) if isinstance(found, Mapping) else {}


def _leaves(value: object, place: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], object]]:
    if isinstance(value, Mapping):
        if set(value) != {settings_source.ENCRYPTED}:
            for key, item in value.items():
                yield from _leaves(item, (*place, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _leaves(item, (*place, number))
    else:
        yield place, value


def _flat(value: object, place: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from _flat(getattr(value, name), (*place, field.alias or name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, (*place, str(key)))
    elif isinstance(value, tuple | list):
        for number, item in enumerate(value):
            yield from _flat(item, (*place, str(number)))
    else:
        yield ".".join(place), _leaf(value, place)


def _leaf(value: object, place: tuple[str, ...]) -> Any:
    if isinstance(value, SecretStr):
        return hidden(value.get_secret_value())
    if place[:2] in HIDDEN and isinstance(value, str):
        return hidden(value)
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
