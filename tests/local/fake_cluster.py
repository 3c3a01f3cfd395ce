"""A Kubernetes API in memory: enough of get, list, server-side apply and delete to run direct apply against."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx2
from lightkube import Client, KubeConfig
from lightkube.config.models import Cluster, User

PATH = re.compile(
    r"^/(?:api|apis/(?P<group>[^/]+))/(?P<version>[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[a-z]+)"
    r"(?:/(?P<name>[^/]+))?$"
)
NAMESPACES = re.compile(r"^/api/v1/namespaces(?:/(?P<name>[^/]+))?$")
Key = tuple[str, str, str]


class FakeCluster:
    """Keeps what is applied; every write raises the resource version, an equal write does not."""

    def __init__(self) -> None:
        self.objects: dict[Key, dict[str, Any]] = {}
        self.writes: list[tuple[str, Key]] = []
        self.failing_jobs: set[str] = set()
        self.version = 0

    def client(self) -> Client:
        config = KubeConfig.from_one(cluster=Cluster(server="http://fake"), user=User())
        return Client(config, transport=httpx2.MockTransport(self.answer))

    def names(self, plural: str) -> set[str]:
        return {name for kind, _, name in self.objects if kind == plural}

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        if match := NAMESPACES.match(request.url.path):
            plural, namespace, name = "namespaces", "", match["name"] or ""
        else:
            parts = PATH.match(request.url.path)
            assert parts, request.url.path
            plural, namespace, name = parts["plural"], parts["namespace"] or "", parts["name"] or ""
        key = (plural, namespace, name)
        match request.method:
            case "GET" if not name:
                return httpx2.Response(200, json={"items": self._list(plural, namespace, request), "metadata": {}})
            case "GET":
                return self._found(key)
            case "PATCH":
                return self._apply(key, json.loads(request.content))
            case "DELETE":
                self.writes.append(("delete", key))
                self.objects.pop(key, None)
                if plural == "namespaces":
                    self.objects = {other: live for other, live in self.objects.items() if other[1] != name}
                return httpx2.Response(200, json={})
        raise AssertionError(f"unexpected {request.method} {request.url}")

    def _list(self, plural: str, namespace: str, request: httpx2.Request) -> list[dict[str, Any]]:
        wanted = [pair.split("=") for pair in request.url.params.get("labelSelector", "").split(",") if pair]
        return [
            live
            for (kind, place, _), live in sorted(self.objects.items())
            if kind == plural
            and namespace in ("", place)
            and all(live["metadata"].get("labels", {}).get(label) == value for label, value in wanted)
        ]

    def _found(self, key: Key) -> httpx2.Response:
        if key in self.objects:
            return httpx2.Response(200, json=self.objects[key])
        return _refusal(404, f"{key} not found")

    def _apply(self, key: Key, body: dict[str, Any]) -> httpx2.Response:
        before = self.objects.get(key)
        if before and key[0] == "namespaces":
            # Several write annotations there, and each leaves those of the others.
            annotations = {**before["metadata"].get("annotations", {}), **body["metadata"].get("annotations", {})}
            body = {**before, **body, "metadata": {**body["metadata"], "name": key[2], "annotations": annotations}}
        if before and key[0] in ("jobs", "statefulsets") and before["spec"] != body["spec"]:
            return _refusal(422, "spec.template: Invalid value: field is immutable")
        if before and all(before.get(part) == body[part] for part in body if part != "metadata"):
            old = {name: value for name, value in before["metadata"].items() if name not in SERVER_SIDE}
            if old == body["metadata"]:
                return self._found(key)
        self.version += 1
        self.writes.append(("apply", key))
        metadata = {**body["metadata"], "namespace": key[1], "resourceVersion": str(self.version), "generation": 1}
        self.objects[key] = {**body, "metadata": {k: v for k, v in metadata.items() if v}, **self._status(key, body)}
        return self._found(key)

    def _status(self, key: Key, body: dict[str, Any]) -> dict[str, Any]:
        if key[0] == "jobs":
            kind = "Failed" if key[2] in self.failing_jobs else "Complete"
            return {"status": {"conditions": [{"type": kind, "status": "True", "message": "BackoffLimitExceeded"}]}}
        if key[0] in ("deployments", "statefulsets"):
            count = body["spec"].get("replicas", 1)
            ready = {"observedGeneration": 1, "replicas": count, "updatedReplicas": count, "readyReplicas": count}
            return {"status": ready}
        return {}


SERVER_SIDE = frozenset({"resourceVersion", "generation"})


def _refusal(code: int, message: str) -> httpx2.Response:
    return httpx2.Response(code, json={"kind": "Status", "code": code, "message": message, "status": "Failure"})
