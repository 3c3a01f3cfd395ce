"""Scheduler, triggerer and kubelet go away while tasks run in their pods: the tasks end as their pods end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from lightkube.resources.core_v1 import Pod

from local.waiting import wait
from tests.conftest import Deployed
from tests.faults.victims import kill_daemon
from tests.platform.observed import await_served
from tests.platform.probe import DAG, Probe, is_running
from tests.platform.scratch import Scratch, scratch_clone

# Whichever engine made them, the objects are the same.
pytestmark = [pytest.mark.platform, pytest.mark.faults, pytest.mark.parametrize("deployed", ["direct"], indirect=True)]

REPLACED_SECONDS = 180
DOWN_SECONDS = 5


@pytest.fixture(scope="module")
def probing(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """A clone with the DAG ``probe``, published."""
    with scratch_clone(tmp_path_factory.mktemp("restarts")) as clone:
        clone.add_probe()
        clone.up()
        await_served(deployed, DAG)
        yield clone


@pytest.fixture(scope="module")
def probe(deployed: Deployed, probing: Scratch) -> Probe:
    return Probe(deployed)


@pytest.mark.parametrize(
    ("component", "moment"),
    [("scheduler", "submitting"), ("scheduler", "held"), ("scheduler", "collecting"), ("triggerer", "held")],
)
def test_a_restart_leaves_tasks_to_their_pods(deployed: Deployed, probe: Probe, component: str, moment: str) -> None:
    ends = {probe.start(): end for end in ("succeed", "fail", "succeed")}
    if moment == "submitting":
        probe.await_at_work(ends)
        replace(deployed, probe, component)
    before = {run: probe.await_held(run) for run in ends}
    if moment == "held":
        replace(deployed, probe, component)
        for run, pod in before.items():
            (now,) = probe.pods(run, "first")
            assert now.metadata.uid == pod.metadata.uid
            assert is_running(now)
    for run, end in ends.items():
        probe.let_go(run, end)
    if moment == "collecting":
        probe.await_at_work(ends)
        replace(deployed, probe, component)
    for run, end in ends.items():
        if end == "succeed":
            assert probe.await_end(run) == "success"
            assert probe.result(run, "first")["pod"] == before[run].metadata.name
        else:
            assert probe.await_end(run) == "failed"
            assert probe.states(run) == {"first": "failed", "second": "upstream_failed"}
        assert probe.tries(run, "first") == 1


def test_a_killed_kubelet_leaves_tasks_to_their_pods(deployed: Deployed, probing: Scratch, probe: Probe) -> None:
    ends = {probe.start(): end for end in ("succeed", "fail", "succeed")}
    before = {run: probe.await_held(run) for run in ends}
    meanwhile, *later = ends
    kill_daemon(deployed.machine, "kubelet")
    # Nobody tells that its pod has ended.
    probe.let_go(meanwhile, ends[meanwhile])
    time.sleep(DOWN_SECONDS)
    assert probe.states(meanwhile)["first"] == "deferred"
    done = probing.up()
    assert done.counts[:4] == (0, 0, 0, 0), done.output
    for run in later:
        (now,) = probe.pods(run, "first")
        assert now.metadata.uid == before[run].metadata.uid
        assert is_running(now)
        assert [one.restartCount for one in now.status.containerStatuses] == [0] * len(now.status.containerStatuses)
        probe.let_go(run, ends[run])
    for run, end in ends.items():
        assert probe.await_end(run) == ("success" if end == "succeed" else "failed")
        assert probe.tries(run, "first") == 1
        if end == "succeed":
            assert probe.result(run, "first")["pod"] == before[run].metadata.name


def replace(deployed: Deployed, probe: Probe, component: str) -> None:
    """Delete the component's pod, and return when it has gone and another one works."""
    labels: Any = {"component": component}

    def pods() -> list[Any]:
        return list(deployed.client.list(Pod, namespace=deployed.settings.name, labels=labels))

    (old,) = pods()
    deployed.client.delete(Pod, old.metadata.name, namespace=deployed.settings.name)

    def missing() -> str | None:
        there = pods()
        if any(pod.metadata.uid == old.metadata.uid for pod in there):
            return f"{old.metadata.name} has not gone"
        if not any(each.type == "Ready" and each.status == "True" for pod in there for each in pod.status.conditions):
            return "the other one is not ready"
        return probe.api.unhealthy()

    wait(f"another {component}", missing, REPLACED_SECONDS)
