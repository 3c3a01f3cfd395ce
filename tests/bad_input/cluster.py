"""What the cluster holds, to compare before with after."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lightkube import Client
from lightkube.core.resource import NamespacedResource

from local.apply import LABEL, PRUNED
from local.kubernetes_client import kind_of

KEPT = (("v1", ("Namespace", "PersistentVolumeClaim")),)


@dataclass(frozen=True)
class Version:
    """``content`` is a hash of all but the status, and of who wrote it when."""

    resource_version: str
    content: str


def objects(client: Client, namespaces: Iterable[str]) -> dict[str, Version]:
    """Every object in these namespaces, and every object that direct apply has made, of each kind that it can make.

    Pods, events and leases are not among them: those are the controllers' own.
    """
    found: dict[str, Version] = {}
    names = tuple(namespaces)
    for version, kinds in (*PRUNED, *KEPT):
        for name in kinds:
            kind: Any = kind_of(version, name)
            if issubclass(kind, NamespacedResource):
                listed = [one for namespace in names for one in client.list(kind, namespace=namespace)]
            elif name == "Namespace":
                listed = [client.get(kind, namespace) for namespace in names]
            else:
                listed = list(client.list(kind, labels={LABEL: names[0]}))
            for one in listed:
                key = f"{name} {one.metadata.namespace or ''}/{one.metadata.name}"
                found[key] = Version(one.metadata.resourceVersion, _content(one))
    return found


def changes(before: dict[str, Version], after: dict[str, Version]) -> set[str]:
    """Objects that came, went or were written; a controller's report on the status alone is no change."""

    def is_same(key: str) -> bool:
        old, new = before.get(key), after.get(key)
        return old == new or (old is not None and new is not None and old.content == new.content)

    return {key for key in before.keys() | after.keys() if not is_same(key)}


def _content(one: Any) -> str:
    body = one.to_dict()
    body.pop("status", None)
    metadata = body["metadata"]
    metadata.pop("resourceVersion")
    written = metadata.get("managedFields", ())
    metadata["managedFields"] = [entry for entry in written if entry.get("subresource") != "status"]
    return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()
