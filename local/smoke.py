"""Runs DAGs and proves what they did: which image ran, what lies in the bucket, what was logged."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lightkube import Client

from infra import names
from infra.settings import Settings
from infra.sources import Sources
from local import results
from local.airflow_api import AirflowApi, TaskInstance
from local.bucket import Bucket, secret, service_address
from local.machine import Machine
from local.progress import Progress
from local.results import Run
from local.task_pods import PodWatch, TaskPod
from local.waiting import GaveUp, wait
from pipelines.errors import InputError, Problem
from pipelines.validation import nearest
from registry.client import Registry, docker_credentials

HEALTHY_SECONDS = 300
SERVED_SECONDS = 180
RUN_SECONDS = 900
LOG_LINES = 20
LOG_SECONDS = 30.0
PAUSE_SECONDS = 1.0
#: What ``make up`` runs: both kinds of task, and no service but the platform's own.
BRIEF = ("cost_of_living", "lakehouse_summary")
ENDED = frozenset({"success", "failed"})


@dataclass(frozen=True)
class Row:
    """One task that ran: ``image`` is its type, ``objects`` the number of objects that its run left."""

    dag: str
    task: str
    state: str
    image: str
    digest: str
    seconds: float
    objects: int


@dataclass(frozen=True)
class Report:
    """What a smoke run saw, and of which published version. ``unchecked`` DAGs have no module in local/results."""

    version: str
    rows: tuple[Row, ...]
    unchecked: tuple[str, ...] = ()

    @property
    def dags(self) -> frozenset[str]:
        return frozenset(row.dag for row in self.rows)


def airflow(client: Client, settings: Settings) -> AirflowApi:
    """The platform's Airflow, as its administrator; not logged in yet."""
    login = secret(client, settings.name, names.ADMIN_SECRET)
    address = service_address(client, settings.name, names.API_SERVER, names.API_SERVER_PORT)
    return AirflowApi(address, login["username"], login["password"])


def chosen(wanted: Sequence[str], sources: Sources) -> tuple[str, ...]:
    """The DAGs to run, all of them when none is wanted, each after those whose results it reads.

    Raises InputError for a DAG that has no config.
    """
    known = [config.dag_id for config in sources.dags]
    if unknown := [dag for dag in wanted if dag not in known]:
        expected = f"a DAG of dags/: {', '.join(known) or 'there is none'}"
        raise InputError(
            Problem("command line", "", dag, expected, nearest(dag, known) or "correct it") for dag in unknown
        )
    return results.in_order(wanted or known, known)


def run(
    client: Client, machine: Machine, settings: Settings, sources: Sources, progress: Progress, dags: Sequence[str]
) -> Report:
    """Run the DAGs, one after the other. Raises GaveUp with the reason when anything is not as it should be."""
    api, bucket = airflow(client, settings), Bucket(client, settings)
    wait("Airflow", told(progress, "waiting for Airflow", api.unhealthy), HEALTHY_SECONDS)
    api.log_in()
    version = bucket.published_version()
    run_id = f"smoke-{datetime.now(UTC):%Y%m%dt%H%M%S}-{secrets.token_hex(2)}"
    built = BuiltImages(machine, sources)
    rows: list[Row] = []
    with PodWatch(client, (settings.name, settings.tasks_namespace), run_id) as pods:
        for dag in dags:
            with progress.step(f"DAG {dag}"):
                _await_version(api, dag, version, progress)
                api.unpause(dag)
                api.trigger(dag, run_id)
                tasks = _follow(api, dag, run_id, pods, progress)
                objects = _results(Run(dag, run_id, bucket, client, machine, settings))
                check_logs(bucket, dag, run_id, tasks)
                rows += [row(dag, task, pods, built, objects, settings.tasks_namespace) for task in tasks]
    return Report(version, tuple(rows), tuple(dag for dag in dags if results.check_of(dag) is None))


class BuiltImages:
    """The images that the registry holds for the catalog's references. Raises GaveUp when one is not there."""

    def __init__(self, machine: Machine, sources: Sources) -> None:
        self._credentials = docker_credentials(machine.docker_config)
        self._types = {image.reference.rpartition(":")[0]: name for name, image in sources.catalog.images.items()}
        self._digests: dict[str, str] = {}
        for name, image in sources.catalog.images.items():
            with self._registry(image.reference) as registry:
                digest = registry.digest(image.reference)
            if digest is None:
                raise GaveUp(f"{image.reference} is not in the registry: make up builds it")
            self._digests[name] = digest

    def kind(self, image: str) -> str | None:
        """The type of an image that a pod names, by its repository."""
        return self._types.get(image.partition("@")[0].rpartition(":")[0])

    def expected(self, kind: str | None) -> str | None:
        """The digest that was built of a type."""
        return self._digests.get(kind or "")

    def same(self, image: str, digest: str) -> bool:
        """Whether ``digest`` is what was built, or names the same content: a node that has pulled one content twice,
        differently compressed, goes on to name it by the first."""
        expected = self.expected(self.kind(image))
        if digest == expected or not expected or not digest:
            return digest == expected
        repository = image.partition("@")[0].rpartition(":")[0]
        with self._registry(image) as registry:
            found, wanted = (registry.configuration(f"{repository}@{one}") for one in (digest, expected))
        return found is not None and found == wanted and image.endswith(f"@{expected}")

    def _registry(self, reference: str) -> Registry:
        server = reference.partition("/")[0]
        return Registry(server, self._credentials.get(server))


def _await_version(api: AirflowApi, dag: str, version: str, progress: Progress) -> None:
    def missing() -> str | None:
        live = api.dag(dag)
        if live is not None and live.get("bundle_version") == version:
            return None
        if errors := api.import_errors():
            raise GaveUp("\n".join(("Airflow cannot import a DAG file:", *errors)))
        served = "nothing" if live is None else f"version {str(live.get('bundle_version'))[:12]}"
        return f"Airflow serves {served} of {dag}, published is {version[:12]}"

    wait(f"Airflow to serve {dag}", told(progress, "", missing), SERVED_SECONDS)


def _follow(api: AirflowApi, dag: str, run_id: str, pods: PodWatch, progress: Progress) -> list[TaskInstance]:
    """The run's tasks once it has succeeded."""
    told, end = "", time.monotonic() + RUN_SECONDS
    while (state := api.run_state(dag, run_id)) not in ENDED:
        now = ", ".join(f"{task.task} {task.state}" for task in api.tasks(dag, run_id))
        if now != told:
            progress.doing(told := now)
        if refused := pods.refused():
            raise GaveUp(refusal(refused))
        if time.monotonic() > end:
            raise GaveUp("\n".join((f"run {run_id} of {dag} has not ended: {now}", *pods.troubles())))
        time.sleep(PAUSE_SECONDS)
    tasks = api.tasks(dag, run_id)
    if state == "success":
        return tasks
    failed = next((task for task in tasks if task.state == "failed"), tasks[0])
    log = api.log(dag, run_id, failed)[-LOG_LINES:]
    heading = f"task {failed.task} of {dag} failed in run {run_id}; its log ends with:"
    raise GaveUp("\n".join((heading, *log, *pods.troubles())))


def refusal(pod: TaskPod) -> str:
    """What to tell of a pod whose image the registry would not give."""
    secret_names = ", ".join(pod.pull_secrets) or "none"
    return (
        f"the pull of {pod.image} was refused for lack of credentials: pod {pod.namespace}/{pod.name} names the Secret "
        f"{secret_names} in namespace {pod.namespace}, which is missing or holds another log-in\n{pod.trouble}"
    )


def _results(run: Run) -> int:
    check = results.check_of(run.dag)
    if check and (wrong := check(run)):
        raise GaveUp("\n".join((f"the results of {run.dag} are not right:", *wrong)))
    return len(run.bucket.keys(run.prefix))


def check_logs(bucket: Bucket, dag: str, run_id: str, tasks: list[TaskInstance]) -> None:
    """Raise GaveUp unless every task's log lies in the bucket and holds something."""
    for task in tasks:
        prefix = f"{names.LOGS_PREFIX}/dag_id={dag}/run_id={run_id}/task_id={task.task}/"

        def missing(prefix: str = prefix) -> str | None:
            return None if any(bucket.keys(prefix).values()) else f"nothing below {prefix}"

        # A worker stores its log when the task has already ended.
        wait(f"the log of {task.task} in the bucket", missing, LOG_SECONDS)


def row(dag: str, task: TaskInstance, pods: PodWatch, built: BuiltImages, objects: int, tasks_namespace: str) -> Row:
    """The task's row. Raises GaveUp when it ran in no pod, or when a pod of it ran another image than the one built."""
    every = pods.of(dag, task.task)
    # Without the LocalExecutor, workers of Airflow's own image begin and end a task that has its own pod elsewhere.
    seen = [pod for pod in every if pod.namespace == tasks_namespace] or every
    if not seen:
        raise GaveUp(f"no pod of task {task.task} of {dag} was seen: it did not run in a pod of its own")
    for pod in seen:
        if not built.same(pod.image, pod.digest):
            raise GaveUp(
                f"pod {pod.name} of task {task.task} ran {pod.image} with digest {pod.digest or 'unknown'}, "
                f"built was {built.expected(built.kind(pod.image)) or 'no such image'}"
            )
    kind = str(built.kind(seen[-1].image))
    return Row(dag, task.task, task.state, kind, str(built.expected(kind)), task.seconds or 0.0, objects)


def told(progress: Progress, what: str, missing: Callable[[], str | None]) -> Callable[[], str | None]:
    """``missing``, with what it returns shown whenever it changes."""
    last: list[str | None] = [None]

    def tell() -> str | None:
        found = missing()
        if found is not None:
            if found != last[0]:
                progress.doing(": ".join(filter(None, (what, found))))
                last[0] = found
            time.sleep(PAUSE_SECONDS)
        return found

    return tell
