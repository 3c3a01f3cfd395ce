from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from lightkube.resources.core_v1 import Pod

from local import smoke
from local.airflow_api import AirflowApi, TaskInstance
from local.machine import Machine
from local.results import Run, cost_of_living
from local.results.decades import expected_decades
from local.task_pods import PodWatch, TaskPod
from local.waiting import GaveUp

DIGEST = "sha256:" + "a" * 64
TASKS = "airflow-tasks"
AIRFLOW = "apache/airflow:3.2.2-python3.13"
COMPRESSED_ANEW = "sha256:" + "c" * 64
REFERENCE = "localhost:5000/local/de-airflow-pipeline-cost-of-living:1.0.0-0123456789ab"
LABELS = {"dag_id": "cost_of_living", "task_id": "extract", "run_id": "smoke-1"}
TASK = TaskInstance("extract", "success", 1, 6.5)
SOURCES: Any = SimpleNamespace(catalog=SimpleNamespace(images={"cost-of-living": SimpleNamespace(reference=REFERENCE)}))
REPOSITORY = REFERENCE.rpartition(":")[0]


class Registry:
    """Holds the one image, and its content once more under another digest."""

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def digest(self, reference: str) -> str | None:
        return DIGEST if reference == REFERENCE else None

    def configuration(self, reference: str) -> str | None:
        known = {f"{REPOSITORY}@{DIGEST}": "one", f"{REPOSITORY}@{COMPRESSED_ANEW}": "one"}
        return known.get(reference, "another")


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> smoke.BuiltImages:
    monkeypatch.setattr(smoke, "Registry", lambda *_: Registry())
    return smoke.BuiltImages(Machine.here({"HOME": str(tmp_path)}), SOURCES)


def pod(waiting: dict[str, str] | None = None, image_id: str = "", labels: dict[str, str] = LABELS) -> Any:
    container = {"name": "base", "image": REFERENCE}
    status = {
        "name": "base",
        "image": REFERENCE,
        "imageID": image_id,
        "ready": False,
        "restartCount": 0,
        "state": {"waiting": waiting} if waiting else {"running": {}},
    }
    sidecar = {"name": "airflow-xcom-sidecar", "image": "busybox:1"}
    return Pod.from_dict(
        {
            "metadata": {"name": "extract-1", "namespace": "airflow-tasks", "labels": labels},
            "spec": {"containers": [sidecar, container], "imagePullSecrets": [{"name": "registry"}]},
            "status": {"containerStatuses": [status]},
        }
    )


def record(**changes: Any) -> TaskPod:
    found = TaskPod.of(pod(image_id=f"{REFERENCE.rpartition(':')[0]}@{DIGEST}"))
    assert found
    return replace(found, **changes)


def test_a_pods_record_names_what_the_node_runs() -> None:
    assert record() == TaskPod(
        "extract-1", "airflow-tasks", "cost_of_living", "extract", REFERENCE, DIGEST, ("registry",), None
    )


def test_other_pods_are_nobodys_task() -> None:
    assert TaskPod.of(pod(labels={"app": "postgres"})) is None


@pytest.mark.parametrize(
    ("reason", "message", "refused"),
    [
        ("ErrImagePull", "failed to authorize: unexpected status: 401 Unauthorized", True),
        ("ImagePullBackOff", "Back-off pulling image: pull access denied, authorization failed", True),
        ("ErrImagePull", "dial tcp: connection refused", False),
        ("ContainerCreating", "", False),
    ],
)
def test_a_refused_pull_is_told_from_any_other_trouble(reason: str, message: str, refused: bool) -> None:
    found = TaskPod.of(pod({"reason": reason, "message": message}))
    assert found
    assert found.refused is refused
    assert (found.trouble is None) == (reason == "ContainerCreating")


def test_a_refusal_names_image_and_secret() -> None:
    message = smoke.refusal(record(trouble="ErrImagePull: 401"))
    assert REFERENCE in message
    assert "Secret registry in namespace airflow-tasks" in message
    assert "lack of credentials" in message


class Pods(PodWatch):
    """A watch that has seen just these pods."""

    def __init__(self, *seen: TaskPod) -> None:
        super().__init__(client=None, namespaces=(), run_id="smoke-1")  # type: ignore[arg-type]
        for one in seen:
            self._note(one)


def test_a_row_shows_the_digest_that_ran(built: smoke.BuiltImages) -> None:
    row = smoke.row("cost_of_living", TASK, Pods(record()), built, 4, TASKS)
    assert row == smoke.Row("cost_of_living", "extract", "success", "cost-of-living", DIGEST, 6.5, 4)


@pytest.mark.parametrize(
    ("seen", "message"),
    [
        ((), "no pod of task extract of cost_of_living was seen"),
        ((record(digest="sha256:" + "b" * 64),), r"ran .* with digest sha256:b+, built was sha256:a+"),
        ((record(image="docker.io/library/python:3.13"),), "built was no such image"),
        ((record(), record(name="extract-2", digest="sha256:" + "b" * 64)), "pod extract-2"),
        ((record(namespace="airflow", image=AIRFLOW),), "built was no such image"),
    ],
)
def test_any_other_image_is_a_failure(seen: tuple[TaskPod, ...], message: str, built: smoke.BuiltImages) -> None:
    with pytest.raises(GaveUp, match=message):
        smoke.row("cost_of_living", TASK, Pods(*seen), built, 4, TASKS)


def test_a_worker_that_launches_the_tasks_own_pod_may_run_airflows_image(built: smoke.BuiltImages) -> None:
    launcher = record(name="worker-1", namespace="airflow", image=AIRFLOW, digest="sha256:" + "b" * 64)
    assert smoke.row("cost_of_living", TASK, Pods(launcher, record()), built, 4, TASKS).digest == DIGEST
    with pytest.raises(GaveUp, match="pod extract-2"):
        smoke.row("cost_of_living", TASK, Pods(launcher, record(name="extract-2", image=AIRFLOW)), built, 4, TASKS)


def test_the_same_content_compressed_anew_counts_when_the_pod_names_what_was_built(built: smoke.BuiltImages) -> None:
    assert built.same(f"{REFERENCE}@{DIGEST}", COMPRESSED_ANEW)
    assert not built.same(f"{REFERENCE}@{COMPRESSED_ANEW}", COMPRESSED_ANEW)
    assert not built.same(f"{REFERENCE}@{DIGEST}", "sha256:" + "d" * 64)
    assert not built.same(f"{REFERENCE}@{DIGEST}", "")


def test_a_digest_once_seen_is_not_forgotten_when_the_pod_goes() -> None:
    pods = Pods(record(), record(digest="", trouble="ErrImagePull: 401"))
    assert [one.digest for one in pods.of("cost_of_living", "extract")] == [DIGEST]
    assert pods.refused()


class FakeBucket:
    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def get(self, key: str) -> bytes:
        return self.objects[key]

    def keys(self, prefix: str) -> dict[str, int]:
        return {key: len(content) for key, content in self.objects.items() if key.startswith(prefix)}


def rows(change: Callable[[dict[str, Any]], None] = lambda row: None) -> list[dict[str, Any]]:
    found = [{key: float(value) for key, value in vars(decade).items()} for decade in expected_decades()]
    change(found[2])
    return found


def left(decades: list[dict[str, Any]]) -> Run:
    summary = json.dumps({"decades": decades}).encode()
    prefix = "data/cost_of_living/runs/smoke-1/"
    bucket: Any = FakeBucket({f"{prefix}summary.json": summary, f"{prefix}chart.png": b"\x89PNG\r\n..."})
    nothing: Any = None
    return Run("cost_of_living", "smoke-1", bucket, nothing, nothing, nothing)


def test_right_numbers_pass() -> None:
    assert cost_of_living.check(left(rows())) == []


@pytest.mark.parametrize("key", ["real_income_per_head", "nominal_income_per_head", "cost_of_living", "quarters"])
def test_one_wrong_number_is_found(key: str) -> None:
    wrong = cost_of_living.check(left(rows(lambda row: row.update({key: row[key] + 0.02}))))
    assert len(wrong) == 1
    assert wrong[0].startswith(f"1970s: {key} is ")


def test_a_missing_log_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoke, "LOG_SECONDS", 0.2)
    prefix = "logs/dag_id=cost_of_living/run_id=smoke-1/task_id=extract/"
    smoke.check_logs(FakeBucket({f"{prefix}attempt=1.log": b"x"}), "cost_of_living", "smoke-1", [TASK])  # type: ignore[arg-type]
    with pytest.raises(GaveUp, match="the log of extract in the bucket"):
        smoke.check_logs(FakeBucket({f"{prefix}attempt=1.log": b""}), "cost_of_living", "smoke-1", [TASK])  # type: ignore[arg-type]


def api(*, password: str = "right", **answers: tuple[int, Any]) -> AirflowApi:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            wrong = json.loads(request.content)["password"] != "right"
            return httpx.Response(401, text="Invalid credentials") if wrong else httpx.Response(201, json=TOKEN)
        if request.url.path != "/api/v2/monitor/health":
            assert request.headers["Authorization"] == "Bearer t"
        status, body = answers[request.url.path.rpartition("/")[2]]
        return httpx.Response(status, json=body)

    return AirflowApi("http://airflow", "admin", password, httpx.MockTransport(answer))


TOKEN = {"access_token": "t"}


def test_a_wrong_password_is_told_without_showing_it() -> None:
    with pytest.raises(GaveUp, match="Airflow refuses POST /auth/token: 401") as caught:
        api(password="hunter2").log_in()
    assert "hunter2" not in str(caught.value)


def test_health_names_what_is_ill() -> None:
    well, ill = {"status": "healthy"}, {"status": "unhealthy"}
    health = {"metadatabase": well, "scheduler": ill, "dag_processor": {"status": None}, "triggerer": well}
    assert api(health=(200, health)).unhealthy() == "not healthy: scheduler, dag_processor"
    assert api(health=(200, dict.fromkeys(health, well))).unhealthy() is None
    assert "does not answer" in str(api(health=(503, {})).unhealthy())


def test_tasks_come_in_the_order_of_their_start() -> None:
    found = {
        "task_instances": [
            {"task_id": "c", "state": None, "try_number": 0, "start_date": None, "end_date": None},
            {
                "task_id": "b",
                "state": "success",
                "try_number": 1,
                "start_date": "2026-01-01T00:00:10Z",
                "end_date": "2026-01-01T00:00:12.5Z",
            },
            {
                "task_id": "a",
                "state": "success",
                "try_number": 2,
                "start_date": "2026-01-01T00:00:01Z",
                "end_date": "2026-01-01T00:00:09Z",
            },
        ]
    }
    client = api(taskInstances=(200, found))
    client.log_in()
    assert client.tasks("d", "r") == [
        TaskInstance("a", "success", 2, 8.0),
        TaskInstance("b", "success", 1, 2.5),
        TaskInstance("c", "waiting", 0, None),
    ]
    assert api(missing=(404, {})) is not None


def test_an_unknown_dag_is_none() -> None:
    client = api(nowhere=(404, {"detail": "not found"}))
    client.log_in()
    assert client.dag("nowhere") is None
