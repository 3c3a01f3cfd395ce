"""Runs of the DAG ``probe`` (tests/fixtures/probe): started, held in the first task, let go, and followed."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any

import boto3
from botocore.config import Config
from lightkube.resources.core_v1 import Pod

from infra import names
from infra.minio import NAME, PORT
from local.bucket import secret, service_address
from local.task_pods import MAIN_CONTAINER
from local.waiting import wait
from tests.conftest import Deployed
from tests.platform.observed import Api, api_of

DAG = "probe"
STARTED_SECONDS = 90
ENDED_SECONDS = 180


class Probe:
    """The DAG ``probe`` on the platform, which must serve it."""

    def __init__(self, deployed: Deployed) -> None:
        self._deployed = deployed
        self.api: Api = api_of(deployed)
        self.api.unpause(DAG)

    def start(self) -> str:
        """A new run; returns its id."""
        run = f"probe-{secrets.token_hex(4)}"
        self.api.trigger(DAG, run)
        return run

    def let_go(self, run: str, end: str) -> None:
        """Have the first task end: ``succeed``, or anything else to fail."""
        settings = self._deployed.settings
        root = secret(self._deployed.client, settings.name, names.STORE_ROOT_SECRET)
        store: Any = boto3.client(
            "s3",
            endpoint_url=service_address(self._deployed.client, settings.name, NAME, PORT),
            region_name=settings.object_store.region,
            aws_access_key_id=root["user"],
            aws_secret_access_key=root["password"],
            config=Config(s3={"addressing_style": "path"}, proxies={}),
        )
        store.put_object(Bucket=settings.object_store.bucket, Key=f"data/{DAG}/{run}", Body=end.encode())

    def pods(self, run: str, task: str) -> list[Any]:
        """The live pods of a task."""
        labels: Any = {"dag_id": DAG, "run_id": run, "task_id": task}
        return list(self._deployed.client.list(Pod, namespace=self._deployed.settings.tasks_namespace, labels=labels))

    def await_at_work(self, runs: Iterable[str]) -> None:
        """Return while Airflow itself is at work on the first task of a run: submits its pod or collects its end."""

        def missing() -> str | None:
            states = [self.states(run).get("first") for run in runs]
            return None if "running" in states else f"first is {states}"

        wait("a first task to be at work", missing, STARTED_SECONDS)

    def await_held(self, run: str) -> Any:
        """The first task's pod, once the task runs in it and the triggerer follows it."""

        def missing() -> str | None:
            state = self.states(run).get("first")
            if state == "deferred" and any(is_running(pod) for pod in self.pods(run, "first")):
                return None
            return f"first is {state}"

        wait(f"the first task of {run}", missing, STARTED_SECONDS)
        (pod,) = self.pods(run, "first")
        return pod

    def states(self, run: str) -> dict[str, str]:
        """Task -> state."""
        return {task.task: task.state for task in self.api.tasks(DAG, run)}

    def tries(self, run: str, task: str) -> int:
        """How often the task was begun."""
        return next(one.tries for one in self.api.tasks(DAG, run) if one.task == task)

    def await_end(self, run: str) -> str:
        """The run's last state."""

        def missing() -> str | None:
            state = self.api.run_state(DAG, run)
            return None if state in ("success", "failed") else f"{state}: {self.states(run)}"

        wait(f"run {run} to end", missing, ENDED_SECONDS)
        return self.api.run_state(DAG, run)

    def result(self, run: str, task: str) -> Any:
        """What a task of the run returned."""
        return self.api.result(DAG, run, task)


def is_running(pod: Any) -> bool:
    """Whether the task's own container runs in the pod."""
    return any(one.name == MAIN_CONTAINER and one.state.running for one in pod.status.containerStatuses or ())
