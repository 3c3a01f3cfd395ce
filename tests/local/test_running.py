from __future__ import annotations

import io
import json
import tarfile
from types import SimpleNamespace
from typing import Any

import pytest
from lightkube.resources.apps_v1 import Deployment

from local import running as module
from local.running import catalog, running
from pipelines.upgrades import Running
from tests.infra import stacks

REFERENCE = "ghcr.io/acme/x-geo:1.0.0-0123456789ab"


class Store:
    """A bucket with these objects."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self._objects = objects

    def keys(self, prefix: str) -> dict[str, int]:
        return {key: len(content) for key, content in self._objects.items() if key.startswith(prefix)}

    def get(self, key: str) -> bytes:
        return self._objects[key]

    def published_version(self) -> str:
        return self.get("dags/current").decode().strip()


class Cluster:
    """With a scheduler of this image, or none."""

    def __init__(self, image: str | None, chart: str = "airflow-1.22.0") -> None:
        self._image, self._chart = image, chart

    def list(self, kind: Any, namespace: str, labels: dict[str, str]) -> list[Any]:
        assert labels == {"component": "scheduler"}
        if kind is not Deployment or self._image is None:
            return []
        containers = [SimpleNamespace(image=self._image)]
        spec = SimpleNamespace(template=SimpleNamespace(spec=SimpleNamespace(containers=containers)))
        return [SimpleNamespace(metadata=SimpleNamespace(labels={"chart": self._chart}), spec=spec)]


def published(document: dict[str, Any]) -> dict[str, bytes]:
    content, archive = json.dumps(document).encode(), io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        entry = tarfile.TarInfo("images.json")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return {"dags/current": b"v1\n", "dags/versions/v1.tar.gz": archive.getvalue()}


def found(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Running:
    objects = published({"images": {"geo": {"reference": REFERENCE, "digest": None}}})
    monkeypatch.setattr(module, "Bucket", lambda client, settings: Store(objects))
    backups: Any = SimpleNamespace(revision=lambda: "509b94a1042d")
    client: Any = cluster
    return running(client, stacks.stack(), backups)


@pytest.mark.parametrize("image", ["apache/airflow:3.1.8-python3.12", "ghcr.io/a/airflow:3.1.8-python3.12@sha256:00"])
def test_what_runs_is_told_by_the_scheduler_the_database_and_the_bucket(
    image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(Cluster(image), monkeypatch) == Running("3.1.8", "3.12", "1.22.0", "509b94a1042d", {"geo": REFERENCE})


def test_the_stand_in_s_version_is_that_of_the_chart_it_plays(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(Cluster("apache/airflow:3.1.8-python3.12", "airflow-stand-in-1.22.0"), monkeypatch).chart == "1.22.0"


def test_what_no_tag_tells_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = found(Cluster("acme/airflow:ours", "airflow"), monkeypatch)
    assert (seen.airflow, seen.python, seen.chart) == (None, None, None)


def test_where_nothing_runs_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(Cluster(None), monkeypatch) == Running(None, None, None, None, {})


def test_before_the_first_publication_no_image_is_in_service() -> None:
    store: Any = Store({})
    assert catalog(store) == {}
