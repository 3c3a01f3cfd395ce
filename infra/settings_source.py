"""A stack's settings from Pulumi's configuration, from a stack file, or from a plain mapping."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Literal, get_origin

from pydantic import ValidationError

from infra import sizes
from infra.mirrored_images import mirrored
from infra.settings import PROJECT, Settings
from infra.settings_problems import SECRET_PATHS, in_clear_text, missing_password, problems
from pipelines.errors import InputError, Problem, problems_in
from pipelines.strict_yaml import read_yaml

ENCRYPTED = "secure"
STACK_FILE = "a stack file with a mapping config:"
PLACEHOLDER = re.compile(r"<[^<>]+>")
CHART_PATH_VARIABLE = "AIRFLOW_CHART"


def load() -> Settings:
    """The settings of the running Pulumi stack.

    Raises InputError with every problem, file ``Pulumi.<stack>.yaml``.
    """
    # Here, not above: commands read stack files too, and would wait half a second for what they do not use.
    import pulumi
    from pulumi.runtime import config as pulumi_config

    everything = {**pulumi_config.get_config_env(), **pulumi_config.CONFIG.get()}
    # What is not set comes as the empty default of the project file's schema.
    values = {key: value for key, value in _own(everything).items() if value not in ({}, [])}
    file = f"Pulumi.{pulumi.get_stack()}.yaml"
    open_ones = {key for key in values if not pulumi_config.is_config_secret(f"{PROJECT}:{key}")}
    if clear := tuple(in_clear_text(place, file) for place in SECRET_PATHS if _is_there(values, place, open_ones)):
        raise InputError((*clear, *problems_in(lambda: parse(values, file))))
    return parse(values, file)


def load_file(path: Path, overrides: Mapping[str, object] | None = None) -> Settings:
    """The settings of a stack file, without values of what ``without_secrets`` leaves out; ``overrides`` replaces
    top-level keys, such as the encrypted log-ins."""
    return parse({**without_secrets(read_stack_file(path)), **(overrides or {})}, path.name)


def read_stack_file(path: Path) -> dict[str, object]:
    """This project's keys of a ``Pulumi.<stack>.yaml``, without the project's prefix.

    Raises InputError when the file is missing or is not such a file, or has a key twice.
    """
    try:
        document, wrong = read_yaml(path, path.name, STACK_FILE)
    except FileNotFoundError:
        fix = "name a stack that has a file, or write one"
        raise InputError([Problem(path.name, "", "no such file", STACK_FILE, fix)]) from None
    if document is None:
        raise InputError(wrong)
    content = document.content
    if isinstance(content, dict) and isinstance(config := content.get("config", {}), dict):
        return _own(config)
    raise InputError([Problem(path.name, "", type(content).__name__, STACK_FILE, "put the settings under config:")])


def without_secrets(values: Mapping[str, object]) -> dict[str, object]:
    """A stack file's configuration with the names of its connections and of its task pods' Secrets, and no values.

    Only the engine can read those: they stand encrypted in the file.
    """
    unknown: tuple[tuple[str, str, object], ...] = (
        ("airflow", "connections", "unknown://"),
        ("tasks", "secrets", {"UNKNOWN": "unknown"}),
    )
    known = dict(values)
    for part, key, value in unknown:
        inside = known.get(part)
        if isinstance(inside, Mapping) and isinstance(entries := inside.get(key), Mapping):
            known[part] = {**inside, key: {name: value for name in entries if name != ENCRYPTED}}
    return {key: _without_ciphertext(value) for key, value in known.items()}


def _without_ciphertext(value: object) -> object:
    if isinstance(value, list):
        return [_without_ciphertext(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    return "unknown" if set(value) == {ENCRYPTED} else {key: _without_ciphertext(item) for key, item in value.items()}


def with_entries(
    values: Mapping[str, object], more: Mapping[tuple[str, str], Mapping[str, object]]
) -> dict[str, object]:
    """The configuration with entries added to mappings two levels down; its own entries stay."""
    whole = dict(values)
    for (part, key), entries in more.items():
        inside = _mapping(whole.get(part))
        whole[part] = {**inside, key: {**entries, **_mapping(inside.get(key))}}
    return whole


def _mapping(found: object) -> Mapping[str, object]:
    # What is no mapping is for the settings to refuse, where nothing is added to it.
    return found if isinstance(found, Mapping) else {}


def parse(values: Mapping[str, object], file: str, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of a plain mapping: camelCase keys, no project prefix.

    ``AIRFLOW_CHART`` in the environment, by default that of the process, replaces ``chart.path``.
    Raises InputError with every problem.
    """
    chart = values.get("chart", {})
    variables = os.environ if environment is None else environment
    if (path := variables.get(CHART_PATH_VARIABLE)) and isinstance(chart, Mapping):
        values = {**values, "chart": {**chart, "path": path}}
    images = values.get("images")
    if isinstance(images, Mapping) and images.get("mode") == "promote" and "promotion" not in images:
        stack = file.removeprefix("Pulumi.").removesuffix(".yaml")
        values = {**values, "images": {**images, "promotion": f"promotions/{stack}.yaml"}}
    open_ones = {problem.key: problem for problem in unfilled(values, file)}
    try:
        settings = Settings.model_validate(sizes.filled(values))
    except ValidationError as error:
        told = (*problems(error, Settings, file), *missing_password(values, file))
        raise InputError([*open_ones.values(), *(one for one in told if one.key not in open_ones)]) from None
    if open_ones:
        raise InputError(open_ones.values())
    return mirrored(settings)


def _is_there(values: Mapping[str, Any], place: tuple[str, ...], open_ones: AbstractSet[str]) -> bool:
    found: Any = values
    for part in place:
        found = found.get(part) if isinstance(found, Mapping) else None
    # The engine tells of a whole top-level key only whether anything in it is secret.
    return bool(found) and place[0] in open_ones


def unfilled(values: object, file: str, key: str = "") -> Iterator[Problem]:
    """What an example leaves to its reader: text in <>."""
    if isinstance(values, Mapping):
        for name, value in values.items():
            yield from unfilled(value, file, f"{key}.{name}" if key else str(name))
    elif isinstance(values, str) and PLACEHOLDER.fullmatch(values):
        yield Problem(file, key, f"the placeholder {values}", "a value of your own", f"set {key}")


def _own(values: Mapping[str, Any]) -> dict[str, Any]:
    prefix = f"{PROJECT}:"
    own = {str(key).removeprefix(prefix): value for key, value in values.items() if str(key).startswith(prefix)}
    return {key: _decoded(key, value) for key, value in own.items()}


def _decoded(key: str, value: object) -> object:
    """Pulumi hands every value over as a string, and ``pulumi config set`` writes a stack file's scalars back as such;
    what is not a string in the schema is JSON."""
    if not isinstance(value, str) or not _is_structured(key):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _is_structured(key: str) -> bool:
    for field in Settings.model_fields.values():
        if field.alias == key:
            kind = field.annotation
            return kind is not str and get_origin(kind) is not Literal
    return False
