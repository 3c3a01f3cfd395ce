from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.errors import InputError
from pipelines.image_records import ImageRecord, records_text
from plan import policies
from plan.model import Plan, RecordedBuild
from plan.policies import judge
from plan.policy_checks import Judged
from tests.plan import plans, repository

CONTEXT = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
AMOUNTS = {"cpu": "1", "memory": "1Gi"}
CONTAINER = {
    "name": "main",
    "image": "busybox:1.37",
    "imagePullPolicy": "IfNotPresent",
    "securityContext": CONTEXT,
    "resources": {"requests": AMOUNTS, "limits": AMOUNTS},
}
RESTRICTED = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
POD = {"securityContext": RESTRICTED, "containers": [CONTAINER]}


def pod(**keys: Any) -> dict[str, Any]:
    return {**POD, "containers": [{**CONTAINER, **keys}]}


def deployment(spec: dict[str, Any], replicas: int = 1) -> dict[str, Any]:
    metadata = {"name": "d", "namespace": "airflow"}
    return {"kind": "Deployment", "metadata": metadata, "spec": {"replicas": replicas, "template": {"spec": spec}}}


def role(**rule: list[str]) -> dict[str, Any]:
    return {"kind": "Role", "metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["pods"], **rule}]}


def quota(**hard: str) -> dict[str, Any]:
    return {"kind": "ResourceQuota", "metadata": {"name": "q", "namespace": "airflow"}, "spec": {"hard": hard}}


def judged(
    root: Path, *manifests: dict[str, Any], plan: Plan | None = None, values: dict[str, Any] | None = None,
    dag_files: dict[str, bytes] | None = None,
) -> Judged:  # fmt: skip
    stack = (plan or plans.plan()).stack
    repository.write(root, {f"Pulumi.{stack}.yaml": repository.stack_file(values)})
    objects = {f"{one['kind']}/{one['metadata']['name']}": one for one in manifests}
    return Judged(plan or plans.plan(), {}, objects, dag_files or {}, root)


def found(judged_: Judged) -> set[tuple[str, str]]:
    return {(one.policy, one.found) for one in judge(judged_)}


@pytest.mark.parametrize(
    ("manifests", "expected"),
    [
        ([deployment(POD)], set()),
        ([deployment(pod(image="busybox:latest"))], {("image-pinned", "main: image busybox:latest is not pinned")}),
        ([deployment(pod(imagePullPolicy="Always"))], {("image-pinned", "main: pull policy")}),
        ([deployment({**POD, "securityContext": {}})], {
            ("pod-restricted", "pod: runAsNonRoot is None"),
            ("pod-restricted", "pod: seccompProfile is None"),
            ("pod-restricted", "pod: no numeric user other than root"),
        }),
        ([deployment(pod(securityContext={**CONTEXT, "privileged": True}))], {("pod-restricted", "main: privileged")}),
        ([deployment(pod(resources={"requests": AMOUNTS}))], {
            ("pod-resources", "main: no limits of cpu and memory")
        }),
        ([role(verbs=["get", "list"])], set()),
        ([role(verbs=["*"])], {("no-escalation", "a wildcard")}),
        ([role(verbs=["bind"])], {("no-escalation", "the verb bind")}),
        ([role(verbs=["create"], resources=["roles"])], {("no-escalation", "may change rights")}),
        ([quota(**{"requests.cpu": "3"}), deployment(POD, 3)], set()),
        ([quota(**{"requests.cpu": "2500m"}), deployment(POD, 3)], {("quota", "requests.cpu: 3 of 2500m")}),
    ],
)  # fmt: skip
def test_what_a_manifest_may_not_say(
    manifests: list[dict[str, Any]], expected: set[tuple[str, str]], tmp_path: Path
) -> None:
    assert found(judged(tmp_path, *manifests)) == expected


def test_a_task_runs_an_image_of_this_commit(tmp_path: Path) -> None:
    images = {"etl": plans.image("etl")}
    tasks = {"right": plans.task(images["etl"].reference), "wrong": plans.task("registry.test/acme/etl:1.0.0-old")}
    plan = plans.plan(images=images, dags={"d": plans.dag(tasks)})
    stray = deployment(pod(image="registry.test/acme/etl:1.0.0-old"))
    assert {(one.policy, one.where) for one in judge(judged(tmp_path, stray, plan=plan))} == {
        ("image-in-catalog", "d.wrong"),
        ("image-in-catalog", "chart's Deployment d"),
    }


def test_outside_the_one_machine_stack_bases_are_pinned_and_stores_protected(tmp_path: Path) -> None:
    store = plans.resource("kubernetes:apps/v1:StatefulSet", "postgres", {})
    images = {"etl": plans.image("etl"), "pinned": plans.image("pinned", upstream=f"x:1@sha256:{'0' * 64}")}
    assert found(judged(tmp_path, plan=plans.plan(store, images=images))) == set()
    assert found(judged(tmp_path, plan=plans.plan(store, images=images, stack="prod"))) == {
        ("base-pinned", "python:3.13-slim-trixie"),
        ("store-protected", "not protected from deletion"),
    }


def test_a_secret_in_clear_is_found_and_not_shown(tmp_path: Path) -> None:
    key = "AKIA" + "ABCDEFGHIJKLMNOP"
    values = {**repository.STACK, "tasks": {"secrets": {"mail": {"PASSWORD": "canary-1", "OTHER": {"secure": "v1:x"}}}}}
    findings = judge(judged(tmp_path, values=values, dag_files={"d.py": f"KEY = '{key}'\n".encode()}))
    assert {(one.policy, one.where, one.found) for one in findings} == {
        ("secret-in-clear", "Pulumi.dev.yaml", "tasks.secrets.mail.PASSWORD"),
        ("secret-in-clear", "d.py", "an AWS access key"),
    }
    assert "canary" not in str(findings)
    assert key not in str(findings)


def test_a_dag_file_has_a_budget(tmp_path: Path) -> None:
    files = {"small.py": b"x" * 100, "large.py": b"x" * 200_001, "sources/data.py": b"x" * 200_001}
    assert [one.where for one in judge(judged(tmp_path, dag_files=files))] == ["large.py"]


def test_a_waiver_says_why_and_only_where(tmp_path: Path) -> None:
    waiver = {"policy": "image-pinned", "where": "chart's Deployment *", "reason": "the vendor has no other tag"}
    repository.write(tmp_path, {"waivers.yaml": yaml.safe_dump([waiver])})
    manifest = deployment(pod(image="busybox:latest", imagePullPolicy="Always", resources={}))
    findings = judge(judged(tmp_path, manifest))
    assert {one.policy: one.waiver for one in findings} == {
        "image-pinned": "the vendor has no other tag",
        "pod-resources": None,
    }


@pytest.mark.parametrize(
    "text", ["- policy: [", "policy: x\n", "- {policy: quota, where: x, reason: short}\n", "- {policy: x}\n",
             "- {policy: nothing, where: x, reason: long enough to say}\n"],
)  # fmt: skip
def test_waivers_that_cannot_be_read_are_refused(text: str, tmp_path: Path) -> None:
    repository.write(tmp_path, {"waivers.yaml": text})
    with pytest.raises(InputError, match=r"waivers\.yaml"):
        judge(judged(tmp_path))


def test_an_image_has_a_budget_of_its_last_recorded_build(tmp_path: Path) -> None:
    sizes = {"small": 999_999_999, "large": 1_234_000_000}
    records = {name: RecordedBuild(key="a", to_pull=size) for name, size in sizes.items()}
    images = {name: plans.image(name, recorded=record) for name, record in records.items()}
    images["never recorded"] = plans.image("never recorded")
    assert [(one.where, one.found) for one in judge(judged(tmp_path, plan=plans.plan(images=images)))] == [
        ("large", "1234 MB to pull of at most 1000 MB")
    ]


def test_a_licence_is_of_the_list(tmp_path: Path) -> None:
    licences = {"polars==1.2.0": "MIT", "gpl==1": "GPL-3.0-only", "old==2": "MIT License", "none==3": ""}
    records = {
        name: ImageRecord(key="a", to_pull=1, licences=licences) for name in ("etl", "an image that is there no more")
    }
    table = 'accepted = ["MIT"]\n[names]\n"MIT License" = "MIT"\n'
    plan = plans.plan(images={"etl": plans.image("etl")})
    repository.write(tmp_path, {"images/built.json": records_text(records)})
    assert judge(judged(tmp_path, plan=plan)) == ()
    repository.write(tmp_path, {"images/licences.toml": table})
    assert [(one.policy, one.where, one.found) for one in judge(judged(tmp_path, plan=plan))] == [
        ("licence", "etl gpl==1", "GPL-3.0-only"),
        ("licence", "etl none==3", "not stated"),
    ]


@pytest.mark.parametrize(
    ("file", "text"), [("built.json", "[]"), ("built.json", "{"), ("licences.toml", "accepted = 1")]
)
def test_records_and_lists_that_cannot_be_read_are_refused(file: str, text: str, tmp_path: Path) -> None:
    repository.write(tmp_path, {"images/licences.toml": "accepted = []\n", f"images/{file}": text})
    with pytest.raises(InputError, match=f"images/{file}"):
        judge(judged(tmp_path))


def test_the_document_lists_every_policy() -> None:
    told = (Path(__file__).parents[2] / "docs" / "plan.md").read_text()
    rules = (*policies.POLICIES, policies.BASE_AGE)
    assert [rule.id for rule in rules if f"| `{rule.id}` | {rule.reason} |" not in told] == []


def test_every_policy_has_words() -> None:
    ids = [policy.id for policy in policies.POLICIES]
    assert len(ids) == len({*ids})
    assert all(policy.reason and policy.fix for policy in policies.POLICIES)
