"""Registrations as they may be shown: secrets stood in for, large and binary values by their hash."""

from __future__ import annotations

import base64
import binascii
import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import yaml

from plan.model import ResourcePlan
from plan.stack_settings import ELSEWHERE, ENCRYPTED, digest, hidden

if TYPE_CHECKING:
    # A reader of plans does without Pulumi.
    from plan.recording import Registration

LONGEST = 500
GZIP = b"\x1f\x8b"


def shown(entry: Registration, replaced: Mapping[str, str]) -> dict[str, Any]:
    """The inputs without a secret's value. ``replaced`` maps text to what is shown in its place."""
    return {key: _shown(value, key, entry, replaced) for key, value in sorted(entry.inputs.items())}


def resource(entry: Registration, inputs: Mapping[str, Any]) -> ResourcePlan:
    """The record of ``plan.json``; ``inputs`` as ``shown`` gives them."""
    return ResourcePlan(
        type=entry.type,
        name=entry.name,
        custom=entry.custom,
        parent=key_of(entry.parent),
        provider=key_of(entry.provider.rpartition("::")[0]),
        protect=entry.protect,
        retain_on_delete=entry.retain_on_delete,
        dependencies=tuple(sorted({key for urn in entry.dependencies if (key := key_of(urn))})),
        inputs=shortened(_with_pod_template(inputs)),
    )


def _with_pod_template(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The worker pod of a release as a mapping: a change of it is one of its fields."""
    values = inputs.get("values")
    if not isinstance(values, Mapping) or not isinstance(values.get("podTemplate"), str):
        return inputs
    try:
        template = yaml.load(values["podTemplate"], yaml.CSafeLoader)
    except yaml.YAMLError:
        return inputs
    return {**inputs, "values": {**values, "podTemplate": template}}


def key_of(urn: str) -> str | None:
    """``<type>::<name>`` of a URN; None of the stack itself, and of nothing."""
    if not urn:
        return None
    kind, _, name = urn.split("::", 2)[2].partition("::")
    kind = kind.rpartition("$")[2]
    return None if kind == "pulumi:pulumi:Stack" else f"{kind}::{name}"


def shortened(value: Any) -> Any:
    """Long text by its length and hash."""
    if isinstance(value, Mapping):
        return {key: shortened(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [shortened(item) for item in value]
    if isinstance(value, str) and len(value) > LONGEST:
        return f"text of {len(value)} characters, sha256 {digest(value)}"
    return value


def _shown(value: Any, place: str, entry: Registration, replaced: Mapping[str, str]) -> Any:
    if place in entry.secret_paths:
        return _secret(value, entry.generated_inputs)
    if isinstance(value, dict):
        return {key: _shown(item, f"{place}.{key}", entry, replaced) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return [_shown(item, f"{place}[{number}]", entry, replaced) for number, item in enumerate(value)]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        for text, stands_for_it in replaced.items():
            value = value.replace(text, stands_for_it)
        return _packed(value) if place.startswith("binaryData.") else value
    return value


def _secret(value: Any, generated: frozenset[str]) -> Any:
    """A mapping keeps its keys: what a Secret holds is no secret, only the values are."""
    if isinstance(value, dict):
        return {key: _secret(item, generated) for key, item in sorted(value.items())}
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    plain = _decoded(text)
    if plain.startswith((ENCRYPTED, ELSEWHERE)):
        return hidden(plain)
    if ELSEWHERE in plain:
        return f"set elsewhere ({digest(plain)})"
    if ENCRYPTED in plain:
        return f"encrypted ({digest(plain)})"
    return f"generated ({digest(plain)})" if generated else f"hidden ({digest(plain)})"


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return text


def _packed(text: str) -> str:
    """Of an archive the hash of its content: compressed bytes differ between versions of zlib."""
    content = base64.b64decode(text)
    unpacked = gzip.decompress(content) if content.startswith(GZIP) else content
    return f"{len(unpacked)} bytes unpacked, sha256 {hashlib.sha256(unpacked).hexdigest()}"


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every plain value by its dotted place; empty lists and mappings count as one.

    Entries of a list that each have a name stand by it: one more does not move the others.
    """
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from leaves(item, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list | tuple) and value:
        names = [item.get("name") if isinstance(item, Mapping) else None for item in value]
        by_name = all(isinstance(name, str) for name in names) and len({*names}) == len(names)
        for number, item in enumerate(value):
            yield from leaves(item, f"{place}[{names[number] if by_name else number}]")
    else:
        yield place, value
