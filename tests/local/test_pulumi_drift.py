"""Which objects of a state are said to be gone."""

from __future__ import annotations

import pytest
from lightkube import ApiError
from lightkube.resources.core_v1 import Namespace, Secret

from local.pulumi_drift import vanished
from tests.local import fake_cluster
from tests.local.fake_cluster import FakeCluster

STATE = [
    {"urn": "stack", "type": "pulumi:pulumi:Stack"},
    {"urn": "component", "type": "de-airflow-pipeline:infra:PullSecret"},
    {"urn": "provider", "type": "pulumi:providers:kubernetes", "id": "8d2c"},
    {"urn": "image", "type": "docker-build:index:Image", "id": "sha256:917d"},
    {"urn": "release", "type": "kubernetes:helm.sh/v3:Release", "id": "home/airflow"},
    {"urn": "namespace", "type": "kubernetes:core/v1:Namespace", "id": "home"},
    {"urn": "secret", "type": "kubernetes:core/v1:Secret", "id": "home/registry"},
    {"urn": "role", "type": "kubernetes:rbac.authorization.k8s.io/v1:Role", "id": "home/reader"},
    {"urn": "pending", "type": "kubernetes:core/v1:Secret"},
]


def test_only_objects_that_the_cluster_does_not_hold_are_gone() -> None:
    cluster = FakeCluster()
    client = cluster.client()
    assert vanished(client, STATE) == ("namespace", "secret", "role")
    client.apply(Namespace.from_dict({"metadata": {"name": "home"}}), field_manager="test")
    client.apply(Secret.from_dict({"metadata": {"name": "registry", "namespace": "home"}}), field_manager="test")
    assert vanished(client, STATE) == ("role",)


def test_a_cluster_that_refuses_to_answer_says_nothing_of_what_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = FakeCluster()
    monkeypatch.setattr(cluster, "_found", lambda key: fake_cluster._refusal(403, "forbidden"))
    with pytest.raises(ApiError, match="forbidden"):
        vanished(cluster.client(), STATE)
