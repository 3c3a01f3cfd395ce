"""Applies the program without the Pulumi CLI: each resource as it is registered, by one of four handlers.

No state file, no preview, no refresh: objects carry a label, random values and release hashes live in one Secret.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lightkube import ApiError, Client
from lightkube.core.resource import NamespacedResource
from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import Secret
from lightkube.types import CascadeType, PatchType

from local.helm import Chart, Helm
from local.image_build import build
from local.kubernetes_client import kind_of
from local.machine import PROJECT, Machine
from local.progress import Progress
from local.random_values import GENERATORS
from local.registrations import Registered, UnknownFunctionError, run_program
from local.waiting import GaveUp, wait
from local.workloads import ROLLED_OUT, wait_for_job, wait_for_rollout
from registry.client import Registry, docker_credentials

LABEL = f"{PROJECT}/applied-directly"
MANAGER = STATE = "direct-apply"
SECONDS = 600.0
# Controllers before what they need. What holds data is not here: volumes, claims and namespaces are never pruned.
PRUNED = (
    ("apps/v1", ("Deployment", "StatefulSet", "DaemonSet")),
    ("batch/v1", ("CronJob", "Job")),
    ("networking.k8s.io/v1", ("Ingress", "NetworkPolicy")),
    ("policy/v1", ("PodDisruptionBudget",)),
    ("v1", ("Service", "ConfigMap", "Secret", "ResourceQuota", "LimitRange")),
    ("rbac.authorization.k8s.io/v1", ("RoleBinding", "ClusterRoleBinding", "Role", "ClusterRole")),
    ("admissionregistration.k8s.io/v1", ("ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy")),
    ("v1", ("ServiceAccount",)),
)
IMMUTABLE = re.compile(r"immutable|may not change|cannot change|updates to .* are forbidden", re.IGNORECASE)


@dataclass
class Counts:
    """What an apply did: objects and releases, and images built."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    built: int = 0


Applied = tuple[str, dict[str, Any]]
Handler = Callable[[Registered], Applied]


class Apply:
    """One run of direct apply. ``namespace`` exists already; it holds the Secret ``direct-apply``."""

    def __init__(self, client: Client, machine: Machine, namespace: str, progress: Progress) -> None:
        self.counts = Counts()
        self._client: Any = client  # kinds and their scope are data here, which its overloads cannot follow
        self._machine, self._namespace, self._progress = machine, namespace, progress
        self._lock = threading.RLock()
        self._seen: set[tuple[str, str, str]] = set()
        self._remembered: dict[str, str] = {}
        self._used: set[str] = set()
        self._told: dict[str, str] = {}
        self._error: BaseException | None = None

    def run(self, program: Callable[[], object], stack: str, config: Mapping[str, str]) -> Counts:
        """Apply what ``program`` registers, then delete what it no longer does.

        A first pass applies nothing: it raises what the program raises, and GaveUp on a type that has no handler.
        """
        refused: set[str] = set()

        def check(resource: Registered) -> Applied:
            if self._handler(resource.type) is None:
                refused.add(resource.type)
            return "", {}

        def first_pass_or_apply(accept: Handler, preview: bool) -> None:
            run_program(program, accept, project=PROJECT, stack=stack, config=config, preview=preview)

        try:
            first_pass_or_apply(check, preview=True)
        except UnknownFunctionError as error:
            refused.add(str(error))
        if refused:
            raise GaveUp(f"direct apply has no handler for {', '.join(sorted(refused))}: apply with APPLY=pulumi")
        self._recall()
        try:
            first_pass_or_apply(self._apply, preview=False)
        except BaseException as error:
            self._error = self._error or error  # ends what waits in other threads
            raise self._error from None
        self._prune()
        return self.counts

    def _apply(self, resource: Registered) -> Applied:
        handler = self._handler(resource.type)
        if handler is None:
            raise GaveUp(f"direct apply has no handler for {resource.type}, which depends on another's output")
        try:
            return handler(resource)
        except BaseException as error:
            self._error = self._error or error
            raise

    def _handler(self, kind: str) -> Handler | None:
        if kind.startswith("pulumi:providers:"):
            return lambda resource: (resource.name, {})
        if kind in GENERATORS:
            return self._random
        if kind == "docker-build:index:Image":
            return self._image
        if kind == "kubernetes:helm.sh/v3:Release":
            return self._release
        package, module, name = kind.split(":")
        return self._object if package == "kubernetes" and kind_of(module.removeprefix("core/"), name) else None

    def _object(self, resource: Registered) -> Applied:
        body = _encoded(resource.inputs)
        kind: Any = kind_of(body["apiVersion"], body["kind"])
        metadata = body["metadata"] = {"name": f"{resource.name}-{resource.hash}", **body.get("metadata", {})}
        metadata["labels"] = {**metadata.get("labels", {}), LABEL: self._namespace}
        name = metadata["name"]
        where = {"namespace": metadata.get("namespace", "default")} if issubclass(kind, NamespacedResource) else {}
        what = f"{body['kind']} {'/'.join((*where.values(), name))}"
        with self._lock:
            self._seen.add((body["kind"], where.get("namespace", ""), name))
        before = self._get(kind, name, where)
        if kind is Job and before and _has_failed(before):
            self._delete_job(name, where)
        try:
            live = self._patch(kind, name, body, where)
        except ApiError as error:
            if not IMMUTABLE.search(str(error)):
                raise GaveUp(f"{what} was refused: {error}") from error
            if kind is not Job:
                way_out = "take the change back, or delete the object by hand where its data may go, and apply again"
                raise GaveUp(f"{what} cannot be changed in place: {error}\n{way_out}") from error
            self._delete_job(name, where)
            live = self._patch(kind, name, body, where)
        self._count(before and before.metadata.resourceVersion, live.metadata.resourceVersion)
        if metadata.get("annotations", {}).get("pulumi.com/skipAwait") != "true":
            self._await(kind, name, where, resource.seconds or SECONDS)
        return "/".join((*where.values(), name)), live.to_dict()

    def _await(self, kind: Any, name: str, where: Mapping[str, str], seconds: float) -> None:
        if kind is Job:
            wait_for_job(self._client, name, where["namespace"], seconds, self._doing)
        elif kind in ROLLED_OUT:
            wait_for_rollout(self._client, kind, name, where["namespace"], seconds, self._doing)

    def _image(self, resource: Registered) -> Applied:
        reference: str = resource.inputs["tags"][0]
        server = reference.partition("/")[0]
        with Registry(server, docker_credentials(self._machine.docker_config).get(server)) as registry:
            # The tag is of the content: what is there under it is what would be built.
            digest = registry.digest(reference)
            if digest is None:
                build(resource.inputs, self._machine, self._doing)
                digest = registry.digest(reference)
                if digest is None:
                    raise GaveUp(f"{reference} was built, but is not in the registry")
                with self._lock:
                    self.counts.built += 1
        return reference, {**resource.inputs, "digest": digest, "ref": f"{reference}@{digest}"}

    def _release(self, resource: Registered) -> Applied:
        helm, chart = Helm(self._client, self._machine, self._doing), Chart.of(resource.inputs)
        key, wanted = f"release.{chart.namespace}.{chart.name}", chart.hash
        self._used.add(key)
        before = self._remembered.get(key) if helm.deployed(chart.name, chart.namespace) else None
        if before != wanted:
            helm.upgrade(chart)
        helm.wait(chart.name, chart.namespace, resource.inputs.get("timeout") or resource.seconds or SECONDS)
        self._remember(key, wanted)
        self._count(before, wanted)
        return chart.name, {**resource.inputs, "status": {"name": chart.name, "namespace": chart.namespace}}

    def _random(self, resource: Registered) -> Applied:
        key = f"random.{resource.name}.{resource.hash}"
        self._used.add(key)
        if key not in self._remembered:
            self._remember(key, json.dumps(GENERATORS[resource.type](resource.inputs)))
        return resource.name, {**resource.inputs, **json.loads(self._remembered[key])}

    def _get(self, kind: Any, name: str, where: Mapping[str, str]) -> Any:
        try:
            return self._client.get(kind, name, **where)
        except ApiError as error:
            if error.status.code == 404:
                return None
            raise

    def _patch(self, kind: Any, name: str, body: Any, where: Mapping[str, str]) -> Any:
        apply = PatchType.APPLY
        return self._client.patch(kind, name, body, **where, patch_type=apply, field_manager=MANAGER, force=True)

    def _delete_job(self, name: str, where: Mapping[str, str]) -> None:
        self._client.delete(Job, name, **where, cascade=CascadeType.FOREGROUND)
        wait(f"Job {name} to go", lambda: "still there" if self._get(Job, name, where) else None, 60)

    def _count(self, before: str | None, after: str | None) -> None:
        outcome = "created" if before is None else "unchanged" if before == after else "changed"
        with self._lock:
            setattr(self.counts, outcome, getattr(self.counts, outcome) + 1)

    def _doing(self, text: str) -> None:
        if self._error:
            raise GaveUp("stopped, because another resource has failed")
        what = text.partition(": ")[0]
        if self._told.get(what) != text:
            self._told[what] = text
            self._progress.doing(text)

    def _recall(self) -> None:
        live = self._get(Secret, STATE, {"namespace": self._namespace})
        data = (live.data if live else None) or {}
        self._remembered = {key: base64.b64decode(value).decode() for key, value in data.items()}

    def _remember(self, key: str, value: str | None) -> None:
        with self._lock:
            if self._remembered.get(key) == value:
                return
            changed = {**self._remembered, key: value}
            self._remembered = {key: value for key, value in changed.items() if value is not None}
            body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": STATE}, "stringData": self._remembered}
            self._patch(Secret, STATE, _encoded(body), {"namespace": self._namespace})

    def _prune(self) -> None:
        for version, names in PRUNED:
            for name in names:
                kind: Any = kind_of(version, name)
                everywhere = {"namespace": "*"} if issubclass(kind, NamespacedResource) else {}
                for live in self._client.list(kind, **everywhere, labels={LABEL: self._namespace}):
                    where = {"namespace": live.metadata.namespace} if everywhere else {}
                    if (name, where.get("namespace", ""), live.metadata.name) not in self._seen:
                        self._client.delete(kind, live.metadata.name, **where, cascade=CascadeType.BACKGROUND)
                        self.counts.deleted += 1
        for key in sorted(set(self._remembered) - self._used):
            if key.startswith("release."):
                _, namespace, name = key.split(".", 2)
                Helm(self._client, self._machine, self._doing).uninstall(name, namespace)
                self.counts.deleted += 1
            self._remember(key, None)


def _encoded(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The object without ``stringData``, whose removed keys a server-side apply would leave behind."""
    strings = {key: base64.b64encode(value.encode()).decode() for key, value in inputs.get("stringData", {}).items()}
    body = {key: value for key, value in inputs.items() if key != "stringData"}
    return {**body, "data": {**body.get("data", {}), **strings}} if strings else body


def _has_failed(job: Job) -> bool:
    conditions = (job.status and job.status.conditions) or ()
    return any(each.type == "Failed" and each.status == "True" for each in conditions)
