from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from lightkube import ApiError
from lightkube.resources.apps_v1 import Deployment, StatefulSet
from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import ConfigMap, Pod
from lightkube.types import CascadeType

from local import backups
from local.backups import COMPONENTS, REPLICAS_ANNOTATION, Backups
from local.progress import Progress
from local.waiting import GaveUp
from tests.infra import stacks


class Cluster:
    """Notes what is done to it; its pods end as soon as they begin."""

    def __init__(self, *, holds_files: bool = False) -> None:
        self.did: list[str] = []
        self.jobs: list[Any] = []
        self._holds_files = holds_files
        self.replicas = 2
        self.annotations: dict[str, str] | None = None

    def create(self, made: Any) -> None:
        if isinstance(made, ConfigMap) and self._holds_files:
            response = SimpleNamespace(json=lambda: {"code": 409, "message": "exists"})
            error = ApiError.__new__(ApiError)
            error.status = SimpleNamespace(code=409)  # type: ignore[assignment]
            error.response = response  # type: ignore[assignment]
            raise error
        if isinstance(made, Job):
            self.jobs.append(made)
        self.did.append(f"create {type(made).__name__} {made.metadata.name.rpartition('-')[0]}")

    def delete(self, kind: Any, name: str, namespace: str, cascade: CascadeType | None = None) -> None:
        assert kind is not Job or cascade == CascadeType.BACKGROUND
        self.did.append(f"delete {kind.__name__} {name.rpartition('-')[0]}")

    def list(self, kind: Any, namespace: str, labels: dict[str, Any]) -> list[Any]:
        metadata = SimpleNamespace(name="airflow-scheduler", annotations=self.annotations)
        if kind is Deployment:
            return [SimpleNamespace(metadata=metadata, spec=SimpleNamespace(replicas=self.replicas))]
        if kind is Pod and "component" not in labels:
            return [SimpleNamespace(metadata=metadata, status=SimpleNamespace(phase="Succeeded"))]
        assert kind is StatefulSet or labels == {"component": COMPONENTS}
        return []

    def log(self, name: str, namespace: str, container: str) -> list[str]:
        return [f"{container} said\n"]

    def patch(self, kind: Any, name: str, change: dict[str, Any], namespace: str) -> None:
        self.replicas = change["spec"]["replicas"]
        found = {**(self.annotations or {}), **change["metadata"]["annotations"]}
        self.annotations = {key: value for key, value in found.items() if value is not None}
        self.did.append(f"scale {name} to {self.replicas}")


@pytest.fixture(autouse=True)
def ready(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("wait_for_job", "wait_for_rollout"):
        monkeypatch.setattr(backups, name, lambda *_: None)


def of(cluster: Cluster) -> Backups:
    return Backups(cluster, stacks.stack(), Progress())  # type: ignore[arg-type]


def test_a_dump_is_made_by_the_program_s_own_job_which_goes_again() -> None:
    cluster = Cluster()
    assert of(cluster).make() == "airflow-backup said"
    assert cluster.did == [
        "create ConfigMap airflow-runtime",
        "create Job airflow-backup",
        "delete Job airflow-backup",
        "delete ConfigMap airflow-runtime",
    ]
    (job,) = cluster.jobs
    assert job.metadata.namespace == "airflow"
    assert [one.name for one in job.spec.template.spec.initContainers] == ["postgres"]


def test_files_that_the_deployed_stack_has_stay() -> None:
    cluster = Cluster(holds_files=True)
    of(cluster).keys()
    assert cluster.did == ["create Job airflow-backup-list", "delete Job airflow-backup-list"]


def test_airflow_stands_still_while_its_database_is_restored() -> None:
    cluster = Cluster(holds_files=True)
    of(cluster).restore("backups/one.dump")
    assert cluster.did == [
        "scale airflow-scheduler to 0",
        "create Job airflow-restore",
        "delete Job airflow-restore",
        "scale airflow-scheduler to 2",
    ]
    (job,) = cluster.jobs
    (step,) = job.spec.template.spec.initContainers
    assert {one.name: one.value for one in step.env}["BACKUP_KEY"] == "backups/one.dump"


def test_airflow_may_be_left_stopped_and_a_later_restore_starts_as_much_as_there_was() -> None:
    cluster = Cluster(holds_files=True)
    of(cluster).restore("backups/one.dump", start=False)
    assert cluster.did[-1] == "delete Job airflow-restore"
    assert (cluster.replicas, cluster.annotations) == (0, {REPLICAS_ANNOTATION: "2"})
    of(cluster).restore("backups/two.dump")
    assert (cluster.replicas, cluster.annotations) == (2, {})


def test_what_was_left_stopped_is_started_and_nothing_else_is_touched() -> None:
    cluster = Cluster(holds_files=True)
    of(cluster).start()
    assert cluster.did == []
    of(cluster).restore("backups/one.dump", start=False)
    of(cluster).start()
    assert (cluster.replicas, cluster.annotations) == (2, {})
    # As a release that was installed anew leaves it.
    cluster.replicas, cluster.annotations = 3, {REPLICAS_ANNOTATION: "2"}
    of(cluster).start()
    assert (cluster.replicas, cluster.annotations) == (3, {})


def test_the_schema_s_revision_is_what_the_database_says() -> None:
    cluster = Cluster(holds_files=True)
    assert of(cluster).revision() == "airflow-schema said"
    assert cluster.did == ["create Job airflow-schema", "delete Job airflow-schema"]


def test_airflow_comes_back_also_when_a_restore_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise GaveUp("the dump is damaged")

    monkeypatch.setattr(backups, "wait_for_job", fail)
    cluster = Cluster(holds_files=True)
    with pytest.raises(GaveUp, match="damaged"):
        of(cluster).restore("backups/one.dump")
    assert cluster.did[-1] == "scale airflow-scheduler to 2"


def test_an_external_database_by_secret_is_read_from_it() -> None:
    settings = stacks.stack(database={"kind": "external", "secret": "rds"})
    cluster = Cluster(holds_files=True)
    Backups(cluster, settings, Progress()).make()  # type: ignore[arg-type]
    (step,) = cluster.jobs[0].spec.template.spec.initContainers
    assert [one.secretRef.name for one in step.envFrom] == ["rds"]
