"""What must hold for every stack, whatever a change does: each rule with its reason and the way out.

A finding that is wanted is waived in ``waivers.yaml`` of the repository: a list of mappings with ``policy``, ``where``
(as the finding has it; ``*`` stands for any text), ``reason``, and perhaps ``stack``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pipelines import secret_findings
from pipelines.errors import InputError, Problem
from plan import pods, stack_settings
from plan.model import Finding, Plan
from plan.quantities import amount

WAIVERS = "waivers.yaml"
STORES = ("StatefulSet", "PersistentVolumeClaim", "Bucket", "BucketV2")
#: Bytes of one DAG file: Airflow parses every file again each half a minute.
LARGEST_DAG = 200_000
ONE_MACHINE = "dev"
RIGHTS = frozenset(("roles", "rolebindings", "clusterroles", "clusterrolebindings"))


@dataclass(frozen=True)
class Judged:
    """A plan; whole inputs of resources by key, objects of the chart, DAG files, and where waivers are read."""

    plan: Plan
    inputs: Mapping[str, Mapping[str, Any]]
    manifests: Mapping[str, Mapping[str, Any]]
    dag_files: Mapping[str, bytes]
    root: Path

    def every_manifest(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Name and content of every Kubernetes object, the program's and the chart's."""
        for key, inputs in self.inputs.items():
            if key.startswith("kubernetes:") and "kind" in inputs:
                yield f"{inputs['kind']} {self.plan.resources[key].name}", inputs
        for key, manifest in self.manifests.items():
            yield f"chart's {key.replace('/', ' ')}", manifest

    def every_pod(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for name, manifest in self.every_manifest():
            if (pod := pods.pod_of(manifest)) is not None:
                yield name, pod
        for inputs in self.inputs.values():
            if "podTemplate" in (values := inputs.get("values") or {}):
                yield "worker pod", pods.worker_pod(values)["spec"]


#: (where, what was found)
Found = Iterator[tuple[str, str]]


@dataclass(frozen=True)
class Policy:
    """One rule."""

    id: str
    reason: str
    fix: str
    check: Callable[[Judged], Found]


class Waiver(BaseModel):
    """One entry of ``waivers.yaml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: str
    where: str
    reason: str = Field(min_length=10)
    stack: str | None = None


def judge(judged: Judged) -> tuple[Finding, ...]:
    """Every finding, sorted; raises InputError where the waivers cannot be read."""
    waivers = read_waivers(judged.root)
    found = {(policy.id, where, what, policy.fix) for policy in POLICIES for where, what in policy.check(judged)}
    return tuple(
        Finding(policy=id_, where=where, found=what, fix=fix, waiver=_waiver(waivers, judged.plan.stack, id_, where))
        for id_, where, what, fix in sorted(found)
    )


def read_waivers(root: Path) -> tuple[Waiver, ...]:
    """None where there is no file. Raises InputError."""
    path = root / WAIVERS
    if not path.exists():
        return ()
    try:
        read = TypeAdapter(tuple[Waiver, ...]).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")) or ())
    except (ValidationError, yaml.YAMLError, UnicodeDecodeError) as error:
        found, expected = " ".join(str(error).split()), "a list of mappings with policy, where and reason"
        raise InputError([Problem(WAIVERS, "", found, expected, "correct it")]) from None
    known = {policy.id for policy in POLICIES}
    problems = [
        Problem(WAIVERS, "policy", waiver.policy, f"one of {', '.join(sorted(known))}", "correct it, or remove it")
        for waiver in read
        if waiver.policy not in known
    ]
    if problems:
        raise InputError(problems)
    return read


def _waiver(waivers: tuple[Waiver, ...], stack: str, policy: str, where: str) -> str | None:
    for waiver in waivers:
        if waiver.policy == policy and waiver.stack in (None, stack) and fnmatchcase(where, waiver.where):
            return waiver.reason
    return None


def _image_in_catalog(judged: Judged) -> Found:
    references = {image.reference for image in judged.plan.images.values()}
    repositories = {reference.rpartition(":")[0] for reference in references}
    for dag_id, dag in judged.plan.dags.items():
        for name, task in dag.tasks.items():
            if task.image.partition("@")[0] not in references:
                yield f"{dag_id}.{name}", task.image
    for name, pod in judged.every_pod():
        for container in pods.containers(pod):
            image = container["image"].partition("@")[0]
            if image.rpartition(":")[0] in repositories and image not in references:
                yield name, container["image"]


def _of_pods(check: Callable[[Mapping[str, Any]], list[str]]) -> Callable[[Judged], Found]:
    def found(judged: Judged) -> Found:
        for name, pod in judged.every_pod():
            for violation in check(pod):
                yield name, violation

    return found


def _base_pinned(judged: Judged) -> Found:
    if judged.plan.stack == ONE_MACHINE:
        return
    for name, image in judged.plan.images.items():
        if image.upstream and "@sha256:" not in image.upstream:
            yield name, image.upstream


def _secret_in_clear(judged: Judged) -> Found:
    for place in stack_settings.in_clear_text(judged.root, judged.plan.stack):
        yield stack_settings.stack_file(judged.plan.stack), place
    texts = {key: yaml.dump(inputs, Dumper=yaml.CSafeDumper) for key, inputs in judged.inputs.items()}
    for key, text in texts.items():
        for finding in secret_findings.in_file(key, text.encode("utf-8", "surrogatepass"), {}):
            yield finding.where, finding.what
    for path, content in judged.dag_files.items():
        for finding in secret_findings.in_file(path, content, {}):
            yield finding.where, finding.what


def _stores_protected(judged: Judged) -> Found:
    if judged.plan.stack == ONE_MACHINE:
        return
    for one in judged.plan.resources.values():
        if one.type.rpartition(":")[2] in STORES and not one.protect:
            yield f"{one.type.rpartition(':')[2]} {one.name}", "not protected from deletion"


def _no_escalation(judged: Judged) -> Found:
    for name, manifest in judged.every_manifest():
        for rule in manifest.get("rules") or () if manifest["kind"] in ("Role", "ClusterRole") else ():
            verbs, what = set(rule.get("verbs") or ()), set(rule.get("resources") or ())
            if "*" in verbs | what | set(rule.get("apiGroups") or ()):
                yield name, "a wildcard"
            if verbs & {"escalate", "bind", "impersonate"}:
                yield name, f"the verb {', '.join(sorted(verbs & {'escalate', 'bind', 'impersonate'}))}"
            if what & RIGHTS and verbs - {"get", "list", "watch"}:
                yield name, "may change rights"
        if (manifest.get("roleRef") or {}).get("name") in ("cluster-admin", "admin", "edit"):
            yield name, f"binds {manifest['roleRef']['name']}"


def _parse_budget(judged: Judged) -> Found:
    for path, content in judged.dag_files.items():
        if path.endswith(".py") and "/" not in path and len(content) > LARGEST_DAG:
            yield path, f"{len(content)} bytes of at most {LARGEST_DAG}"


def _quota(judged: Judged) -> Found:
    """What runs all the time against the quota of its namespace; task pods come and go, and wait for room."""
    hard: dict[str, Mapping[str, Any]] = {}
    asked: dict[tuple[str, str], Decimal] = {}
    for _, manifest in judged.every_manifest():
        space = (manifest.get("metadata") or {}).get("namespace") or ""
        if manifest["kind"] == "ResourceQuota":
            hard[space] = manifest["spec"]["hard"]
        pod = pods.pod_of(manifest) if manifest["kind"] in ("StatefulSet", "Deployment") else None
        for container in pods.containers(pod) if pod else ():
            for kind, amounts in (container.get("resources") or {}).items():
                for unit, text in amounts.items() if kind in ("requests", "limits") else ():
                    place = (space, f"{kind}.{unit}")
                    asked[place] = asked.get(place, Decimal(0)) + amount(text) * (manifest["spec"].get("replicas") or 1)
    for (space, what), total in sorted(asked.items()):
        if what in hard.get(space, {}) and total > amount(hard[space][what]):
            yield space, f"{what}: {total.normalize():f} of {hard[space][what]}"


POLICIES = (
    Policy(
        "image-in-catalog",
        "a pod whose image this commit does not build runs something else than was reviewed",
        "name an image type of this repository, at the reference of this commit",
        _image_in_catalog,
    ),
    Policy(
        "image-pinned",
        "latest, or a pull at each start, runs another image than was tested",
        "name a tag other than latest, or a digest, with imagePullPolicy IfNotPresent",
        _of_pods(pods.image_violations),
    ),
    Policy(
        "base-pinned",
        "the same tag of a base is another image tomorrow; only the one-machine stack may follow it",
        "set images.baseDigests of the stack: python -m commands images pin",
        _base_pinned,
    ),
    Policy(
        "pod-restricted",
        "a pod outside the restricted standard can take over its node",
        "set the security contexts as infra/restricted.py does",
        _of_pods(pods.restricted_violations),
    ),
    Policy(
        "pod-resources",
        "a pod without requests and limits starves others, and a quota refuses it",
        "give every container requests and limits of cpu and memory",
        _of_pods(pods.resource_violations),
    ),
    Policy(
        "secret-in-clear",
        "what is committed is known to all who read the repository, for ever",
        "make another secret, and set it with pulumi config set --secret",
        _secret_in_clear,
    ),
    Policy(
        "store-protected",
        "outside the one-machine stack a deleted store is data lost",
        "set protect: true in the stack file",
        _stores_protected,
    ),
    Policy(
        "no-escalation",
        "who may change rights has all of them",
        "name the verbs and resources that are needed, none of roles and bindings",
        _no_escalation,
    ),
    Policy(
        "parse-budget",
        "every DAG file is parsed again and again, for all DAGs to wait for",
        "split the DAG, or move data out of its config",
        _parse_budget,
    ),
    Policy(
        "quota",
        "what runs all the time does not fit into its namespace: pods will not start",
        "raise the quota in namespaces, or lower the components' resources",
        _quota,
    ),
)
