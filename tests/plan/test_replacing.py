from __future__ import annotations

import pytest

from plan.differences import resources
from plan.risks import risks
from tests.plan import plans

PROVIDER = "pulumi:providers:kubernetes::kubernetes"
K8S = plans.resource("pulumi:providers:kubernetes", "kubernetes", {"context": "a", "clusterIdentifier": "a"})
MUTABLE = K8S.model_copy(update={"inputs": {**K8S.inputs, "enableSecretMutable": "true"}})
NAMED = {"metadata": {"name": "x", "namespace": "n"}}


@pytest.mark.parametrize(
    ("type_", "before", "after", "operation", "why"),
    [
        ("kubernetes:core/v1:Secret", {"data": {"a": "1"}}, {"data": {"a": "2"}}, "update", ""),
        ("kubernetes:core/v1:Secret", {"type": "a"}, {"type": "b"}, "replace", "type"),
        ("kubernetes:core/v1:ConfigMap", {"data": {"a": "1"}}, {"data": {"a": "2"}}, "replace", "data.a"),
        ("kubernetes:batch/v1:Job", {"spec": {"template": {"x": 1}}}, {"spec": {"template": {"x": 2}}},
         "replace", "spec.template.x"),
        ("kubernetes:batch/v1:Job", {"spec": {"backoffLimit": 1}}, {"spec": {"backoffLimit": 2}}, "update", ""),
        ("kubernetes:apps/v1:StatefulSet", {"spec": {"serviceName": "a"}}, {"spec": {"serviceName": "b"}},
         "replace", "spec.serviceName"),
        ("kubernetes:apps/v1:StatefulSet", {"spec": {"replicas": 1}}, {"spec": {"replicas": 2}}, "update", ""),
        ("kubernetes:helm.sh/v3:Release", {"values": {"a": 1}}, {"values": {"a": 2}}, "update", ""),
        ("kubernetes:helm.sh/v3:Release", {"name": "a"}, {"name": "b"}, "replace", "name"),
        ("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding", {"roleRef": {"name": "a"}},
         {"roleRef": {"name": "b"}}, "replace", "roleRef.name"),
        ("kubernetes:networking.k8s.io/v1:NetworkPolicy", {"spec": {"a": 1}}, {"spec": {"a": 2}}, "update", ""),
        ("random:index/randomPassword:RandomPassword", {"length": 40}, {"length": 41}, "replace", "length"),
        ("aws:s3/bucketPolicy:BucketPolicy", {"bucket": "a"}, {"bucket": "b"}, "replace", "bucket"),
        ("aws:s3/bucketPolicy:BucketPolicy", {"policy": "a"}, {"policy": "b"}, "update", ""),
        ("aws:iam/rolePolicy:RolePolicy", {"role": "a"}, {"role": "b"}, "replace", "role"),
        ("aws:iam/role:Role", {"assumeRolePolicy": "a"}, {"assumeRolePolicy": "b"}, "update", ""),
        ("docker-build:index:Image", {"tags": ["a"]}, {"tags": ["b"]}, "update", ""),
    ],
)  # fmt: skip
def test_what_cannot_be_changed_in_place(type_: str, before: dict, after: dict, operation: str, why: str) -> None:  # type: ignore[type-arg]
    named = NAMED if type_.startswith("kubernetes:") else {}
    one, two = (plans.resource(type_, "r", {**named, **inputs}, provider=PROVIDER) for inputs in (before, after))
    [change] = resources(plans.plan(MUTABLE, one), plans.plan(MUTABLE, two))
    assert (change.operation, change.why) == (operation, why)


def test_without_the_provider_s_switch_a_secret_is_replaced() -> None:
    one, two = (
        plans.resource("kubernetes:core/v1:Secret", "s", {**NAMED, "data": {"a": value}}, provider=PROVIDER)
        for value in "12"
    )
    [change] = resources(plans.plan(K8S, one), plans.plan(K8S, two))
    assert change.why == "data.a"


def test_a_replaced_provider_takes_all_that_it_made() -> None:
    other = K8S.model_copy(update={"inputs": {"context": "b", "clusterIdentifier": "b"}})
    space = plans.resource("kubernetes:core/v1:Namespace", "n", NAMED, provider=PROVIDER)
    before, after = plans.plan(K8S, space), plans.plan(other, space)
    assert {change.name: (change.operation, change.why) for change in resources(before, after)} == {
        "kubernetes": ("replace", "clusterIdentifier"),
        "n": ("replace", "provider"),
    }
    assert [risk.kind for risk in risks(before, after)] == ["another cluster", "data lost"]


def test_one_more_of_a_named_list_is_one_change() -> None:
    one, two = (
        plans.resource("kubernetes:apps/v1:Deployment", "d", {"env": [{"name": name, "value": "v"} for name in names]})
        for names in ("bc", "abc")
    )
    [change] = resources(plans.plan(one), plans.plan(two))
    assert [field.place for field in change.fields] == ["env[a].name", "env[a].value"]


@pytest.mark.parametrize(
    ("place", "before", "after", "widens"),
    [
        ("allowPrivilegeEscalation", False, True, True),
        ("allowPrivilegeEscalation", False, None, True),
        ("allowPrivilegeEscalation", True, False, False),
        ("runAsNonRoot", True, False, True),
        ("privileged", None, True, True),
        ("runAsUser", 50000, 0, True),
        ("runAsUser", 50000, 1000, False),
    ],
)
def test_more_rights_are_a_risk(place: str, before: object, after: object, widens: bool) -> None:
    def of(value: object) -> dict[str, object]:
        return {"spec": {"securityContext": {} if value is None else {place: value}, "x": 1}}

    one, two = (plans.resource("kubernetes:apps/v1:Deployment", "d", of(value)) for value in (before, after))
    assert (
        bool([risk for risk in risks(plans.plan(one), plans.plan(two)) if risk.kind == "privilege widened"]) is widens
    )


@pytest.mark.parametrize(("protect", "refused"), [(True, True), (False, False)])
def test_what_is_protected_the_engine_neither_replaces_nor_deletes(protect: bool, refused: bool) -> None:
    store = plans.resource("kubernetes:apps/v1:StatefulSet", "s", {"spec": {"serviceName": "a"}}, protect=protect)
    other = store.model_copy(update={"inputs": {"spec": {"serviceName": "b"}}})
    for after in (plans.plan(other), plans.plan()):
        [change] = resources(plans.plan(store), after)
        assert change.refused is refused
        assert ("update refused" in [risk.kind for risk in risks(plans.plan(store), after)]) is refused
    scaled = store.model_copy(update={"inputs": {"spec": {"serviceName": "a", "replicas": 2}}})
    [change] = resources(plans.plan(store), plans.plan(scaled))
    assert (change.operation, change.refused) == ("update", False)


def test_protection_that_goes_is_a_risk() -> None:
    bucket = plans.resource("aws:s3/bucketV2:BucketV2", "b", {}, protect=True, retain_on_delete=True)
    open_one = bucket.model_copy(update={"protect": False, "retain_on_delete": False})
    assert [(risk.kind, risk.detail) for risk in risks(plans.plan(bucket), plans.plan(open_one))] == [
        ("protection off", "protect"),
        ("protection off", "retain_on_delete"),
    ]
