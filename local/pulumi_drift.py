"""Objects that somebody has deleted behind Pulumi's back: its state still holds them, so that ``up`` finds no work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lightkube import ApiError, Client

from local.kubernetes_client import kind_of


def vanished(client: Client, resources: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The URNs of those resources of a state that are Kubernetes objects, and that the cluster does not hold."""
    return tuple(resource["urn"] for resource in resources if _is_gone(client, resource))


def _is_gone(client: Any, resource: Mapping[str, Any]) -> bool:
    package, _, rest = str(resource["type"]).partition(":")
    version, _, name = rest.rpartition(":")
    # kind_of knows no kind of a Helm release.
    kind = kind_of(version.removeprefix("core/"), name) if package == "kubernetes" else None
    if kind is None or not resource.get("id"):
        return False
    namespace, _, object_name = str(resource["id"]).rpartition("/")
    try:
        client.get(kind, object_name, **({"namespace": namespace} if namespace else {}))
    except ApiError as error:
        if error.status.code == 404:
            return True
        raise
    return False
