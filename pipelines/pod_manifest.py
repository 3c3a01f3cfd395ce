"""Manifests of pods as Kubernetes writes them, checked against the models that Airflow makes of them.

``pod_manifest.json`` maps each model to its keys and their types, as the kubernetes client names both. What would leave
the pod is not in it: the node's network, processes, folders and ports, privileged containers.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from pipelines.validation import nearest

SCHEMA_PREFIX = "Kubernetes."
REFUSED = (
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "hostUsers",
    "hostPath",
    "hostPort",
    "privileged",
    "procMount",
    "sysctls",
)
_SCALARS: Mapping[str, tuple[tuple[type, ...], str, Mapping[str, Any]]] = {
    "str": ((str,), "text", {"type": "string"}),
    "int": ((int,), "a whole number", {"type": "integer"}),
    "bool": ((bool,), "true or false", {"type": "boolean"}),
    # A quantity, or a port by number or name.
    "object": ((str, int), "text or a number", {"type": ["string", "number"]}),
}
_LIST = re.compile(r"list\[(.+)\]")
_MAPPING = re.compile(r"dict\(str, (.+)\)")


@functools.cache
def models() -> Mapping[str, Mapping[str, str]]:
    """Model -> key -> type: a model, ``str``, ``int``, ``bool``, ``object``, ``list[...]`` or ``dict(str, str)``."""
    table: Mapping[str, Mapping[str, str]] = json.loads(Path(__file__).with_suffix(".json").read_text())
    return table


def argument_name(key: str) -> str:
    """What the kubernetes client calls a key: ``initContainers`` -> ``init_containers``."""
    name = re.sub("([a-z0-9])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z]+)", r"\1_\2", key)).lower()
    return f"_{name}" if name == "exec" else name


@dataclass(frozen=True)
class Manifest:
    """For pydantic: ``Annotated[dict, Manifest("V1Affinity")]``."""

    model: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self._checked, serialization=core_schema.plain_serializer_function_ser_schema(lambda value: value)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "object", "x-kubernetes": self.model}

    def _checked(self, value: Any) -> Any:
        wrong = fault(value, self.model, "")
        if wrong:
            raise ValueError(wrong)
        return value


def fault(value: object, type_: str, where: str) -> str:
    """What is wrong with a value of a type; empty when nothing is."""
    if type_ in models():
        return _fault_of_model(value, type_, where)
    if found := _LIST.fullmatch(type_):
        if not isinstance(value, list):
            return f"a list{_at(where)}"
        faults = (fault(item, found[1], f"{where}.{position}") for position, item in enumerate(value))
        return next(filter(None, faults), "")
    if found := _MAPPING.fullmatch(type_):
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            return f"keys and values{_at(where)}"
        faults = (fault(item, found[1], f"{where}.{key}") for key, item in value.items())
        return next(filter(None, faults), "")
    kinds, words, _ = _SCALARS[type_]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        return f"{words}{_at(where)}"
    return f"text without NUL{_at(where)}" if isinstance(value, str) and "\0" in value else ""


def _fault_of_model(value: object, type_: str, where: str) -> str:
    keys = models()[type_]
    if not isinstance(value, dict):
        return f"keys and values{_at(where)}"
    for key, item in value.items():
        if key not in keys:
            if key in REFUSED:
                return f"a pod without {key}{_at(where)}: it would reach out of the pod, into its node"
            known = nearest(str(key), list(keys)) or f"one of {', '.join(keys)}"
            return f"a key of Kubernetes' {type_.removeprefix('V1')}{_at(where)}, not {str(key)[:60]!r}: {known}"
        if wrong := fault(item, keys[key], f"{where}.{key}"):
            return wrong
    return ""


def _at(where: str) -> str:
    return f" at {where.strip('.')}" if where.strip(".") else ""


def schema_definitions() -> dict[str, Any]:
    """The models as definitions of a JSON Schema."""
    return {
        f"{SCHEMA_PREFIX}{model.removeprefix('V1')}": {
            "type": "object",
            "additionalProperties": False,
            "properties": {key: _schema(type_) for key, type_ in keys.items()},
        }
        for model, keys in models().items()
    }


def _schema(type_: str) -> dict[str, Any]:
    if type_ in models():
        return {"$ref": f"#/$defs/{SCHEMA_PREFIX}{type_.removeprefix('V1')}"}
    if found := _LIST.fullmatch(type_):
        return {"type": "array", "items": _schema(found[1])}
    if found := _MAPPING.fullmatch(type_):
        return {"type": "object", "additionalProperties": _schema(found[1])}
    return dict(_SCALARS[type_][2])


def with_definitions(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON Schema in which each manifest refers to its definition."""

    def resolved(node: Any) -> Any:
        if isinstance(node, dict):
            model = node.get("x-kubernetes")
            others = {key: resolved(item) for key, item in node.items() if key not in ("x-kubernetes", "type")}
            return {**others, **_schema(model)} if model else {key: resolved(item) for key, item in node.items()}
        return [resolved(item) for item in node] if isinstance(node, list) else node

    found: dict[str, Any] = resolved(schema)
    return {**found, "$defs": {**found.get("$defs", {}), **schema_definitions()}}
