"""Reading a cluster, of which the answers were recorded."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from lightkube import Client, KubeConfig
from lightkube.config.models import Cluster, User

from airflow_runtime.tree import File, pack
from diagnosis import cluster
from diagnosis.records import Answer, Evidence

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def pod(name: str, phase: str, state: dict[str, Any], *, ready: bool = False, **more: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "tasks", **more},
        "spec": {
            "imagePullSecrets": [{"name": "registry"}],
            "containers": [{"name": "base", "image": "x:1", "resources": {"limits": {"memory": "64Mi"}}}],
        },
        "status": {
            "phase": phase,
            "containerStatuses": [
                {"name": "base", "image": "x:1", "imageID": "", "ready": ready, "restartCount": 0, "state": state}
            ],
        },
    }


def ended(code: int, when: datetime) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": "Error", "finishedAt": at(when)}}


def event(about: str, kind: str, message: str, when: datetime) -> dict[str, Any]:
    involved = {"kind": kind, "name": about, "namespace": "tasks"}
    metadata = {"name": f"{about}.1", "namespace": "tasks"}
    return {
        "metadata": metadata, "involvedObject": involved, "reason": "Failed", "message": message, "type": "Warning",
        "lastTimestamp": at(when),
    }  # fmt: skip


class Recorded:
    """Answers a list with what was put under its last path element, and every log with one line."""

    def __init__(self, **lists: list[dict[str, Any]]) -> None:
        self.lists, self.objects = lists, dict[str, dict[str, Any]]()

    def client(self) -> Client:
        config = KubeConfig.from_one(cluster=Cluster(server="http://fake"), user=User())
        return Client(config, transport=httpx2.MockTransport(self.answer))

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        last = path.rpartition("/")[2]
        if last == "log":
            return httpx2.Response(200, text="Traceback\nValueError: no rows\n\n")
        if path in self.objects:
            return httpx2.Response(200, json=self.objects[path])
        if last in ("pods", "events", "jobs", "configmaps"):
            return httpx2.Response(200, json={"items": self.lists.get(last, []), "metadata": {}})
        return httpx2.Response(404, json={"kind": "Status", "code": 404, "message": "not found"})


def test_what_is_well_and_what_is_long_past_is_no_trouble() -> None:
    job = {"metadata": {"name": "done"}, "status": {"conditions": [{"type": "Complete", "status": "True"}]}}
    fine = [
        pod("runs", "Running", {"running": {}}, ready=True),
        pod("succeeded", "Succeeded", ended(0, NOW)),
        pod("goes", "Running", {"running": {}}, deletionTimestamp=at(NOW)),
        pod("past", "Failed", ended(1, NOW - 2 * HOUR)),
        pod("retried", "Failed", ended(1, NOW), labels={"batch.kubernetes.io/job-name": "done"}),
    ]
    old = event("left", "Pod", "Failed to pull image", NOW - 2 * HOUR)
    recorded = Recorded(pods=fine, jobs=[job], events=[old, event("runs", "Pod", "Unhealthy", NOW)])
    assert cluster.troubled_pods(recorded.client(), "tasks", NOW - HOUR) == ()


def test_one_that_failed_comes_with_its_log_its_events_and_what_it_pulls_with() -> None:
    recorded = Recorded(
        pods=[pod("failed", "Failed", ended(3, NOW))], events=[event("failed", "Pod", "late", NOW)]
    )  # fmt: skip
    (found,) = cluster.troubled_pods(recorded.client(), "tasks", NOW - HOUR)
    assert found.evidence == (
        Evidence("ended", "Error: exit code 3", "base"),
        Evidence("log", "Traceback", "base"),
        Evidence("log", "ValueError: no rows", "base"),
        Evidence("event", "Failed: late"),
    )
    assert (found.images, found.memory_limits, found.pull_secrets) == ({"base": "x:1"}, {"base": "64Mi"}, ("registry",))


def test_one_that_is_gone_is_known_by_its_events() -> None:
    recorded = Recorded(events=[event("left", "Pod", "Failed to pull image", NOW)])
    (found,) = cluster.troubled_pods(recorded.client(), "tasks", NOW - HOUR)
    assert (found.name, found.gone, found.evidence) == (
        "left", True, (Evidence("event", "Failed: Failed to pull image"),)
    )  # fmt: skip


def test_a_start_is_no_trouble() -> None:
    starting = pod("starts", "Pending", {"waiting": {"reason": "ContainerCreating"}})
    (found,) = cluster.troubled_pods(Recorded(pods=[starting]).client(), "tasks", NOW - HOUR)
    assert found.evidence == ()


@pytest.mark.parametrize(
    ("data", "servers"),
    [
        ({"auths": {"a:1": {"username": "u", "password": "p"}}}, {"a:1": "refused"}),
        ({"auths": {}}, {}),
        ({"auths": {"a:1": {}}}, {}),
        ([], {}),
        (None, {}),
    ],
)
def test_each_log_in_of_a_secret_is_tried(data: object, servers: dict[str, Answer]) -> None:
    def ask(server: str, entry: Any) -> Answer:
        assert (server, entry["username"], entry["password"]) == ("a:1", "u", "p")
        return "refused"

    recorded = Recorded()
    content = {} if data is None else {".dockerconfigjson": base64.b64encode(json.dumps(data).encode()).decode()}
    recorded.objects["/api/v1/namespaces/tasks/secrets/registry"] = {"metadata": {"name": "registry"}, "data": content}
    found = cluster.pull_secret(recorded.client(), "tasks", "registry", ask)
    assert (found.present, found.answers) == (True, servers)
    assert not cluster.pull_secret(recorded.client(), "tasks", "another", ask).present


def test_the_newest_publication_counts() -> None:
    def publication(name: str, when: datetime, digest: str) -> dict[str, Any]:
        content = json.dumps({"images": {"letters": {"reference": "x:1", "digest": digest}}}).encode()
        archive = base64.b64encode(pack({"tree/images.json": File(False, content)})).decode()
        return {"metadata": {"name": name, "creationTimestamp": at(when)}, "binaryData": {"tree.tar.gz": archive}}

    maps = [publication("publication-a", NOW, "sha256:b"), publication("publication-b", NOW - HOUR, "sha256:a")]
    other = {"metadata": {"name": "publication-of-somebody"}, "data": {}}
    recorded = Recorded(configmaps=[*maps, other])
    assert cluster.published_references(recorded.client(), "core") == {"letters": "x:1@sha256:b"}
    assert cluster.published_references(Recorded().client(), "core") == {}
