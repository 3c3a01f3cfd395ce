"""What is left of a Helm that was killed, and what is done about it."""

from __future__ import annotations

import pytest

from local.helm import Helm
from local.machine import Machine
from tests.local.fake_cluster import FakeCluster

NAMESPACE, NAME = "airflow", "airflow"


@pytest.mark.parametrize(
    ("statuses", "commands", "kept"),
    [
        ((), [], 0),
        (("superseded", "deployed"), [], 2),
        (("deployed", "pending-upgrade"), [("rollback", NAME, "1")], 2),
        (("superseded", "deployed", "failed", "pending-rollback"), [("rollback", NAME, "2")], 4),
        (("pending-install",), [], 0),
        (("failed", "pending-upgrade"), [], 1),
    ],
)
def test_an_interrupted_revision_is_taken_back(
    statuses: tuple[str, ...], commands: list[tuple[str, ...]], kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, ran = FakeCluster(), []
    for number, status in enumerate(statuses, 1):
        labels = {"owner": "helm", "name": NAME, "version": str(number), "status": status}
        metadata = {"name": f"sh.helm.release.v1.{NAME}.v{number}", "namespace": NAMESPACE, "labels": labels}
        revision = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
        cluster.objects["secrets", NAMESPACE, metadata["name"]] = revision  # type: ignore[index]
    monkeypatch.setattr(Helm, "_run", lambda self, *arguments, text="": ran.append(arguments[:3]))
    Helm(cluster.client(), Machine.here(), lambda text: None).undo_interrupted(NAME, NAMESPACE)
    assert ran == commands
    assert len(cluster.names("secrets")) == kept
