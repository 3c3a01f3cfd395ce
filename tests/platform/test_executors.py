"""The KubernetesExecutor alone, by one key in the stack file: workers begin and end what runs in a pod of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from lightkube.resources.core_v1 import Pod

from infra import sources
from local import smoke, stack
from local.progress import Progress
from local.task_pods import PodWatch
from local.waiting import wait
from tests.conftest import ROOT, Deployed
from tests.platform.observed import await_served, digest_of, published, reference_of
from tests.platform.probe import DAG, Probe
from tests.platform.scratch import Scratch, scratch_clone

# The executors mean the same to both engines.
pytestmark = [
    pytest.mark.platform,
    pytest.mark.long,
    pytest.mark.parametrize("deployed", ["the engine that is there"], indirect=True, scope="session"),
]

KEY = re.compile(r"`(airflow: \{executors: \[KubernetesExecutor\]\})`")
WORKER_SECONDS = 60


@pytest.fixture(scope="module")
def scratch(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """The one key that README.md names, in a clone's stack file, and the DAG ``probe``."""
    [key] = KEY.findall((ROOT / "README.md").read_text())
    with scratch_clone(tmp_path_factory.mktemp("executors")) as scratch:
        before, _, inside = key.partition(" {")
        header = f"  de-airflow-pipeline:{before}\n"
        scratch.replace(str(stack.STACK_FILE), header, f"{header}    {inside.removesuffix('}')}\n")
        scratch.add_probe()
        scratch.up()
        yield scratch


def test_both_dags_run(deployed: Deployed, scratch: Scratch) -> None:
    alone = deployed.settings.airflow.model_copy(update={"executors": ("KubernetesExecutor",)})
    settings = deployed.settings.model_copy(update={"airflow": alone})
    found = sources.load(settings, scratch.folder)
    report = smoke.run(deployed.client, deployed.machine, settings, found, Progress(), smoke.BRIEF)
    assert {row.state for row in report.rows} == {"success"}


def test_a_pod_is_launched_by_one_worker_and_collected_by_another(deployed: Deployed, scratch: Scratch) -> None:
    core, tasks = deployed.settings.name, deployed.settings.tasks_namespace
    digest = digest_of(deployed, reference_of(published(deployed), "cost-of-living"))
    await_served(deployed, DAG)
    probe = Probe(deployed)
    run = probe.start()
    with PodWatch(deployed.client, (core, tasks), run) as pods:
        held = probe.await_held(run)
        # While the pod runs, nobody waits for it but the triggerer.
        wait("the worker to go", lambda: ", ".join(workers(deployed, run)) or None, WORKER_SECONDS)
        assert probe.states(run)["first"] == "deferred"
        probe.let_go(run, "succeed")
        assert probe.await_end(run) == "success"
        assert probe.result(run, "first")["pod"] == held.metadata.name
        for task in ("first", "second"):
            assert probe.tries(run, task) == 1
            seen = pods.of(DAG, task)
            assert [pod.digest for pod in seen if pod.namespace == tasks] == [digest]
            assert [pod.image for pod in seen if pod.namespace == core] == [deployed.settings.airflow.image] * 2


def workers(deployed: Deployed, run: str) -> list[str]:
    labels: Any = {"run_id": run}
    return [pod.metadata.name for pod in deployed.client.list(Pod, namespace=deployed.settings.name, labels=labels)]
