"""What ``make up`` has made goes by the engine that made it; cluster, Helm and CLI are played."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from local import destruction, engine, pulumi_engine
from local.apply import LABEL
from local.destruction import AppliedDirectly, ByPulumi, Deployment, Resource
from local.engine import STAND_IN, Choice
from local.helm import Helm
from local.machine import Machine
from local.progress import Progress
from local.pulumi_engine import PulumiEngine
from pipelines.errors import InputError
from tests.infra import stacks
from tests.local.fake_cluster import FakeCluster

DIRECT, PULUMI = (Choice(kind, "stand-in", STAND_IN) for kind in ("direct", "pulumi"))
NAMESPACE = "kubernetes:core/v1:Namespace"
HELM = {"owner": "helm", "version": "1", "status": "deployed"}
KINDS = {
    "ClusterRole": ("clusterroles", "rbac.authorization.k8s.io/v1"),
    "ConfigMap": ("configmaps", "v1"),
    "Namespace": ("namespaces", "v1"),
    "Secret": ("secrets", "v1"),
}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine.here({"HOME": str(tmp_path)})


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    found = FakeCluster()
    monkeypatch.setattr(destruction, "connect", lambda machine: found.client())
    return found


@pytest.fixture
def helm(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Helm was told."""
    told: list[str] = []
    monkeypatch.setattr(Helm, "_run", lambda _, *arguments, text="": told.append(" ".join(arguments)))
    return told


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi_engine, "available", lambda: True)


@pytest.fixture
def no_cli(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi_engine, "available", lambda: False)


def found(machine: Machine, *, protect: bool = False) -> Deployment | None:
    return destruction.of_this_machine(machine, stacks.stack(protect=protect), Progress(io.StringIO()))


def put(cluster: FakeCluster, kind: str, name: str, namespace: str = "", **labels: str) -> None:
    plural, version = KINDS[kind]
    metadata = {"name": name, "labels": labels, **({"namespace": namespace} if namespace else {})}
    known = cluster.objects.get((plural, namespace, name), {"metadata": {}})
    body = {"apiVersion": version, "kind": kind, "metadata": {**known["metadata"], **metadata}}
    cluster.objects[plural, namespace, name] = body


@pytest.fixture
def applied(cluster: FakeCluster) -> FakeCluster:
    """A deployment by direct apply, and beside it what is another's."""
    engine.record(cluster.client(), "airflow", DIRECT)
    for name, owner in (("airflow", "airflow"), ("airflow-tasks", "airflow"), ("other", "other")):
        put(cluster, "Namespace", name, **{LABEL: owner})
    put(cluster, "ConfigMap", "ours", "airflow-tasks", **{LABEL: "airflow"})
    put(cluster, "ConfigMap", "theirs", "other", **{LABEL: "other"})
    for name in ("airflow", "other"):
        put(cluster, "ClusterRole", name, **{LABEL: name})
    put(cluster, "Secret", "a-revision", "airflow", **HELM)
    cluster.objects["secrets", "airflow", "a-revision"]["metadata"]["labels"]["name"] = "airflow"
    return cluster


@pytest.mark.usefixtures("no_cli")
def test_what_direct_apply_made_goes_with_its_data_and_nothing_else(
    machine: Machine, applied: FakeCluster, helm: list[str]
) -> None:
    made = found(machine)
    assert isinstance(made, AppliedDirectly)
    assert set(made.resources()) == {
        Resource(NAMESPACE, "airflow"),
        Resource(NAMESPACE, "airflow-tasks"),
        Resource("kubernetes:core/v1:ConfigMap", "ours"),
        Resource("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", "airflow"),
        Resource(pulumi_engine.RELEASE, "airflow"),
    }
    made.destroy(but_protected=False)
    assert helm == ["uninstall airflow --namespace airflow --ignore-not-found"]
    assert set(applied.objects) == {
        ("namespaces", "", "other"),
        ("configmaps", "other", "theirs"),
        ("clusterroles", "", "other"),
    }
    nothing = found(machine)
    assert nothing is not None
    assert nothing.resources() == []


@pytest.mark.usefixtures("no_cli", "helm")
def test_a_deployment_that_was_broken_off_before_its_namespace_had_a_label_goes(
    machine: Machine, cluster: FakeCluster
) -> None:
    engine.record(cluster.client(), "airflow", DIRECT)
    made = found(machine)
    assert made is not None
    assert made.resources() == [Resource(NAMESPACE, "airflow")]
    made.destroy(but_protected=False)
    assert cluster.objects == {}


@pytest.mark.usefixtures("no_cli")
def test_a_namespace_that_goes_already_is_only_waited_for(
    machine: Machine, applied: FakeCluster, helm: list[str]
) -> None:
    applied.objects["namespaces", "", "airflow-tasks"]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    made = found(machine)
    assert made is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(destruction, "wait", lambda what, missing, seconds: helm.append(str(missing())))
        made.destroy(but_protected=False)
    assert helm[1:] == ["airflow-tasks"]
    assert ("delete", ("namespaces", "", "airflow-tasks")) not in applied.writes


def test_what_direct_apply_would_have_to_protect_is_refused(machine: Machine, applied: FakeCluster) -> None:
    made = found(machine, protect=True)
    assert made is not None
    before = len(applied.writes)
    with pytest.raises(InputError, match="protect: false"):
        made.resources()
    assert len(applied.writes) == before


@pytest.mark.usefixtures("cli")
def test_what_pulumi_made_goes_by_pulumi(
    machine: Machine, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.record(cluster.client(), "airflow", PULUMI)
    state = [
        {"type": NAMESPACE, "urn": "urn:pulumi:dev::p::t::airflow", "custom": True, "protect": True},
        {"type": "pulumi:providers:kubernetes", "urn": "urn:pulumi:dev::p::t::kubernetes", "custom": True},
    ]
    told: list[object] = []
    monkeypatch.setattr(PulumiEngine, "resources", state)
    monkeypatch.setattr(
        PulumiEngine, "destroy", lambda _, choice, *, but_protected: told.append((choice, but_protected))
    )
    made = found(machine)
    assert isinstance(made, ByPulumi)
    assert made.resources() == [Resource(NAMESPACE, "airflow", protected=True)]
    made.destroy(but_protected=True)
    assert told == [(PULUMI, True)]


@pytest.mark.usefixtures("no_cli")
def test_what_pulumi_made_needs_its_cli(machine: Machine, cluster: FakeCluster) -> None:
    engine.record(cluster.client(), "airflow", PULUMI)
    with pytest.raises(InputError, match=r"no pulumi[\s\S]*make purge"):
        found(machine)


@pytest.mark.usefixtures("cli")
def test_what_somebody_has_made_with_a_backend_of_his_own_is_not_ours(machine: Machine, cluster: FakeCluster) -> None:
    put(cluster, "Namespace", "airflow")
    assert found(machine) is None
    cluster.objects.clear()
    assert found(machine) is None
