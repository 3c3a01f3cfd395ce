"""Scheduler and triggerer go away while tasks run in their pods: the tasks end as their pods end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from lightkube.resources.core_v1 import Pod

from local.waiting import wait
from tests.conftest import Deployed
from tests.platform.observed import await_served
from tests.platform.probe import DAG, Probe, is_running
from tests.platform.scratch import scratch_clone

pytestmark = [pytest.mark.platform, pytest.mark.faults]

REPLACED_SECONDS = 180


@pytest.fixture(scope="module")
def probe(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probe]:
    with scratch_clone(tmp_path_factory.mktemp("restarts")) as scratch:
        scratch.add_probe()
        scratch.up()
        await_served(deployed, DAG)
        yield Probe(deployed)


@pytest.mark.parametrize("component", ["scheduler", "triggerer"])
def test_a_restart_leaves_tasks_to_their_pods(deployed: Deployed, probe: Probe, component: str) -> None:
    passing, failing = probe.start(), probe.start()
    before = {run: probe.await_held(run) for run in (passing, failing)}
    replace(deployed, probe, component)
    for run, pod in before.items():
        (now,) = probe.pods(run, "first")
        assert now.metadata.uid == pod.metadata.uid
        assert is_running(now)
    probe.let_go(passing, "succeed")
    probe.let_go(failing, "fail")
    assert probe.await_end(passing) == "success"
    assert probe.result(passing, "first")["pod"] == before[passing].metadata.name
    assert probe.await_end(failing) == "failed"
    assert probe.states(failing) == {"first": "failed", "second": "upstream_failed"}
    assert probe.tries(failing, "first") == probe.tries(passing, "first") == 1


def replace(deployed: Deployed, probe: Probe, component: str) -> None:
    """Delete the component's pod, and return when another one works."""
    labels: Any = {"component": component}

    def pods() -> list[Any]:
        return list(deployed.client.list(Pod, namespace=deployed.settings.name, labels=labels))

    (old,) = pods()
    deployed.client.delete(Pod, old.metadata.name, namespace=deployed.settings.name)

    def missing() -> str | None:
        ready = [
            pod.metadata.name
            for pod in pods()
            if pod.metadata.uid != old.metadata.uid
            and any(each.type == "Ready" and each.status == "True" for each in pod.status.conditions or ())
        ]
        return probe.api.unhealthy() if ready else "there is no other pod yet"

    wait(f"another {component}", missing, REPLACED_SECONDS)
