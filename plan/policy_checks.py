"""What the policies look for, each a function that yields where something was found, and what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from pipelines import secret_findings
from pipelines.image_records import read_records
from pipelines.licences import NOT_STATED, read_licences
from pipelines.quantities import amount
from plan import pods, stack_settings
from plan.model import Plan
from plan.stacks import stack_file

STORES = ("StatefulSet", "PersistentVolumeClaim", "Bucket", "BucketV2")
#: Bytes to pull of one image: a node gets it before the first of its tasks starts.
LARGEST_IMAGE = 1_000_000_000
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


def image_in_catalog(judged: Judged) -> Found:
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


def of_pods(check: Callable[[Mapping[str, Any]], list[str]]) -> Callable[[Judged], Found]:
    def found(judged: Judged) -> Found:
        for name, pod in judged.every_pod():
            for violation in check(pod):
                yield name, violation

    return found


def base_pinned(judged: Judged) -> Found:
    if judged.plan.stack == ONE_MACHINE:
        return
    for name, image in judged.plan.images.items():
        if image.upstream and "@sha256:" not in image.upstream:
            yield name, image.upstream


def secret_in_clear(judged: Judged) -> Found:
    for place in stack_settings.in_clear_text(judged.root, judged.plan.stack):
        yield stack_file(judged.plan.stack), place
    texts = {key: yaml.dump(inputs, Dumper=yaml.CSafeDumper) for key, inputs in judged.inputs.items()}
    for key, text in texts.items():
        for finding in secret_findings.in_file(key, text.encode("utf-8", "surrogatepass"), {}):
            yield finding.where, finding.what
    for path, content in judged.dag_files.items():
        for finding in secret_findings.in_file(path, content, {}):
            yield finding.where, finding.what


def stores_protected(judged: Judged) -> Found:
    if judged.plan.stack == ONE_MACHINE:
        return
    for one in judged.plan.resources.values():
        if one.type.rpartition(":")[2] in STORES and not one.protect:
            yield f"{one.type.rpartition(':')[2]} {one.name}", "not protected from deletion"


def no_escalation(judged: Judged) -> Found:
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


def parse_budget(judged: Judged) -> Found:
    for path, content in judged.dag_files.items():
        if path.endswith(".py") and "/" not in path and len(content) > LARGEST_DAG:
            yield path, f"{len(content)} bytes of at most {LARGEST_DAG}"


def image_size(judged: Judged) -> Found:
    for name, image in judged.plan.images.items():
        if image.recorded and image.recorded.to_pull > LARGEST_IMAGE:
            yield name, f"{image.recorded.to_pull / 1e6:.0f} MB to pull of at most {LARGEST_IMAGE / 1e6:.0f} MB"


def licence(judged: Judged) -> Found:
    accepted = read_licences(judged.root)
    for name, record in read_records(judged.root).items() if accepted else ():
        for package, words in record.licences.items():
            if name in judged.plan.images and accepted and not accepted.accept(words):
                yield f"{name} {package}", words or NOT_STATED


def quota(judged: Judged) -> Found:
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
