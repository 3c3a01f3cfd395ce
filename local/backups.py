"""Dumps of a stack's database made, listed and brought back by Jobs in its cluster, as the program makes them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pulumi
from lightkube import ApiError, Client
from lightkube.resources.apps_v1 import Deployment, StatefulSet
from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import ConfigMap, Pod
from lightkube.types import CascadeType

from infra import backup, database, names, object_store, runtime
from infra.settings import PROJECT, Settings
from infra.settings_stores import ExternalDatabase
from local.progress import Progress
from local.registrations import Registered, run_program
from local.waiting import wait
from local.workloads import wait_for_job, wait_for_rollout

#: Every process of Airflow's that is always there; tasks in pods of their own lose whom they report to.
COMPONENTS = ("api-server", "dag-processor", "scheduler", "triggerer")
STOP_SECONDS = 300
#: How many replicas there were before Airflow was stopped: a start may be another command's.
REPLICAS_ANNOTATION = f"{PROJECT}/replicas"
CONFLICT = 409


class Backups:
    """The dumps of one stack. Methods raise GaveUp with a Job's own last lines when it fails."""

    def __init__(self, client: Client, settings: Settings, progress: Progress) -> None:
        # Kinds are data here, which the client's overloads cannot follow.
        self._client: Any = client
        self._settings, self._progress = settings, progress
        self._files = runtime.read(
            more={**object_store.authority(settings.object_store), **database.authority(settings.database)}
        )

    def make(self) -> str:
        """Dump the database now. What the Job says: the dump's key."""
        return self._run(backup.dump)

    def keys(self) -> str:
        """The keys of all dumps, a line each, the newest last."""
        return self._run(backup.listing)

    def revision(self) -> str | None:
        """The revision of the database's schema; None where it has none."""
        return self._run(backup.schema) or None

    def restore(self, key: str, *, start: bool = True) -> str:
        """Make the database what it was, with Airflow stopped meanwhile; and afterwards too, unless it is to ``start``.

        A restore that fails changes nothing, and Airflow starts again.
        """
        with self._stopped(start=start):
            return self._run(lambda arguments, opts: backup.restore(arguments, key, opts))

    def start(self) -> None:
        """Start what a restore has left stopped: a deployment that finds the release as it is starts nothing."""
        stopped = self._workloads(noted=True)
        self._start(stopped)
        self._await(stopped)

    def _arguments(self) -> backup.BackupArguments:
        settings = self._settings
        found = settings.database
        given = isinstance(found, ExternalDatabase) and found.secret
        return backup.BackupArguments(
            namespace=pulumi.Output.from_input(settings.name),
            settings=found.backup,
            airflow_image=settings.airflow.image,
            job_resources=settings.airflow.components.jobs,
            variables_secret=given or names.DATABASE_SECRET,
            files=self._files,
        )

    def _run(self, make: Callable[[backup.BackupArguments, pulumi.ResourceOptions], object]) -> str:
        registered: list[Registered] = []

        def accept(resource: Registered) -> tuple[str, dict[str, Any]]:
            registered.append(resource)
            return resource.name, resource.inputs

        def program() -> None:
            runtime.config_map(self._files, self._settings.name, pulumi.ResourceOptions())
            make(self._arguments(), pulumi.ResourceOptions())

        run_program(program, accept, project=PROJECT, stack="backups", config={}, preview=False)
        files, job = (next(one for one in registered if one.type.endswith(kind)) for kind in (":ConfigMap", ":Job"))
        with self._lent(files):
            return self._follow(job)

    def _follow(self, job: Registered) -> str:
        name, namespace = f"{job.name}-{secrets.token_hex(4)}", self._settings.name
        manifest = {**job.inputs, "metadata": {**job.inputs["metadata"], "name": name}}
        self._client.create(Job.from_dict(manifest))
        wait_for_job(self._client, name, namespace, backup.SECONDS, self._progress.doing)
        (pod,) = [
            one
            for one in self._client.list(Pod, namespace=namespace, labels={"batch.kubernetes.io/job-name": name})
            if one.status.phase == "Succeeded"
        ]
        said = "".join(self._client.log(pod.metadata.name, namespace=namespace, container=job.name))
        # Left to itself, a Job's deletion leaves its pods.
        self._client.delete(Job, name, namespace=namespace, cascade=CascadeType.BACKGROUND)
        return said.strip()

    @contextmanager
    def _lent(self, files: Registered) -> Iterator[None]:
        """The runtime's files, for as long as a Job needs them, where the deployed stack has other ones."""
        name, namespace = files.inputs["metadata"]["name"], self._settings.name
        try:
            self._client.create(ConfigMap.from_dict(files.inputs))
        except ApiError as error:
            if error.status.code != CONFLICT:
                raise
            yield
            return
        try:
            yield
        finally:
            self._client.delete(ConfigMap, name, namespace=namespace)

    @contextmanager
    def _stopped(self, *, start: bool) -> Iterator[None]:
        """Airflow's processes, gone and then as many as before."""
        before = self._workloads()
        try:
            for kind, name, replicas in before:
                self._scale(kind, name, 0, replicas)
            wait("Airflow to stop", lambda: self._left(self._settings.name), STOP_SECONDS)
            yield
        except BaseException:
            self._start(before)
            raise
        if start:
            self._start(before)
            self._await(before)

    def _workloads(self, *, noted: bool = False) -> list[tuple[Any, str, int]]:
        """Kind, name, and how many replicas there are, or were before they were stopped; ``noted``: only of those."""
        return [
            (kind, one.metadata.name, one.spec.replicas or _noted(one))
            for kind in (Deployment, StatefulSet)
            for one in self._client.list(kind, namespace=self._settings.name, labels={"component": COMPONENTS})
            if not noted or _noted(one)
        ]

    def _await(self, workloads: Sequence[tuple[Any, str, int]]) -> None:
        for kind, name, _ in workloads:
            wait_for_rollout(self._client, kind, name, self._settings.name, STOP_SECONDS, self._progress.doing)

    def _start(self, workloads: Sequence[tuple[Any, str, int]]) -> None:
        for kind, name, replicas in workloads:
            self._scale(kind, name, replicas, None)

    def _scale(self, kind: Any, name: str, replicas: int, before: int | None) -> None:
        noted = {REPLICAS_ANNOTATION: None if before is None else str(before)}
        change = {"metadata": {"annotations": noted}, "spec": {"replicas": replicas}}
        self._client.patch(kind, name, change, namespace=self._settings.name)

    def _left(self, namespace: str) -> str | None:
        found = self._client.list(Pod, namespace=namespace, labels={"component": COMPONENTS})
        return ", ".join(one.metadata.name for one in found) or None


def _noted(workload: Any) -> int:
    return int((workload.metadata.annotations or {}).get(REPLICAS_ANNOTATION, 0))
