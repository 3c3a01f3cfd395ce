"""Rendered Kubernetes objects of a chart, in a form in which equal meaning is equal data."""

from __future__ import annotations

import configparser
import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

RELEASE = "airflow"
# Helm without a cluster assumes a version of its own, which differs with how it was built.
KUBERNETES = "1.34.4"

# Lists whose items Kubernetes merges by a key, their order without meaning here: field -> key.
KEYED_LISTS = {
    "containers": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ports": "name",
    "rules": "resources",
    "subjects": "name",
    "volumeMounts": "mountPath",
    "volumes": "name",
}


class RenderError(Exception):
    """Helm refused chart or values; the message is Helm's own."""


@dataclass(frozen=True)
class Difference:
    """One field of one object. `official` or `stand_in` is None where the field, or the whole object, is absent."""

    object: str
    field: str
    official: str | None
    stand_in: str | None


def render(helm: Path, chart: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """Objects of `chart` by "Kind/name", normalised. Raises RenderError."""
    place = ("--namespace", RELEASE, "--kube-version", KUBERNETES)
    command = [str(helm), "template", RELEASE, str(chart), *place, "--values", "-"]
    done = subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RenderError(done.stderr.strip())
    documents = (document for document in yaml.safe_load_all(done.stdout) if document)
    return {f"{document['kind']}/{document['metadata']['name']}": normalised(document) for document in documents}


def normalised(document: Mapping[str, Any]) -> Any:
    """The object with defaults filled in, embedded files parsed, named lists as mappings, unset fields left out."""
    filled = dict(document)
    if document["kind"] == "Service":
        ports = [{"protocol": "TCP", "targetPort": port["port"], **port} for port in document["spec"]["ports"]]
        filled["spec"] = {**document["spec"], "ports": ports}
    if document["kind"] == "ServiceAccount":
        filled.setdefault("automountServiceAccountToken", True)
    if document["kind"] == "ConfigMap":
        filled["data"] = {name: _parsed(name, text) for name, text in document["data"].items()}
    return _plain(filled)


def _parsed(name: str, text: str) -> Any:
    if name.endswith(".cfg"):
        parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), default_section="")
        parser.read_string(text)
        return {section: dict(parser[section]) for section in parser.sections()}
    return yaml.safe_load(text) if name.endswith(".yaml") else text


def _plain(value: Any, field: str = "") -> Any:
    if isinstance(value, Mapping):
        items = {str(key): _plain(item, str(key)) for key, item in value.items()}
        return {key: item for key, item in items.items() if item not in (None, "", {}, [])}
    if isinstance(value, list):
        key = KEYED_LISTS.get(field)
        if key:
            return {_label(item[key]): _plain(item) for item in value}
        return [_plain(item) for item in value]
    return value


def _label(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)


def differences(official: Mapping[str, Any], stand_in: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Differences in object and field order; a subtree that one side lacks is one difference."""
    found = []
    for name in sorted({*official, *stand_in}):
        found += [
            Difference(name, ".".join(path), *values)
            for path, values in _walk((), official.get(name), stand_in.get(name))
        ]
    return tuple(found)


def _walk(
    path: tuple[str, ...], left: Any, right: Any
) -> Iterator[tuple[tuple[str, ...], tuple[str | None, str | None]]]:
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted({*left, *right}):
            yield from _walk((*path, key), left.get(key), right.get(key))
    elif left != right:
        yield path, (_shown(left), _shown(right))


def _shown(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True)
