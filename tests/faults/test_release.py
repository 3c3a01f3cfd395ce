"""Helm is killed in the middle of an upgrade and leaves its release ``pending-upgrade``: it goes on from none such."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from lightkube.resources.apps_v1 import Deployment, StatefulSet
from lightkube.resources.core_v1 import Secret

from infra import names
from infra.chart_source import chart_source
from tests.conftest import ROOT, Deployed
from tests.faults.earlier import Earlier
from tests.faults.test_interrupted_up import CPU, change_release
from tests.faults.under_way import under_way
from tests.platform.observed import await_served, published
from tests.platform.scratch import Scratch

pytestmark = [pytest.mark.platform, pytest.mark.faults]

PENDING, DEPLOYED = "pending-upgrade", "deployed"
COMPONENT, OTHER_CPU = "triggerer", "52m"
PENDING_SECONDS = 60


def status(deployed: Deployed) -> str:
    """Of the release's newest revision."""
    labels: Any = {"owner": "helm", "name": names.RELEASE}
    found: Any = deployed.client.list(Secret, namespace=deployed.settings.name, labels=labels)
    newest = max(found, key=lambda revision: int(revision.metadata.labels["version"]))
    return str(newest.metadata.labels["status"])


def requested(deployed: Deployed) -> str:
    """The processor time that the triggerer asks for."""
    labels: Any = {"component": COMPONENT}
    api: Any = deployed.client
    (live,) = [
        one
        for kind in (Deployment, StatefulSet)
        for one in api.list(kind, namespace=deployed.settings.name, labels=labels)
    ]
    (container,) = [one for one in live.spec.template.spec.containers if one.name == COMPONENT]
    return str(container.resources.requests["cpu"])


def test_up_dies_during_an_upgrade(with_results: Deployed, scratch: Scratch, tmp_path: Path) -> None:
    deployed, earlier = with_results, Earlier.of(with_results)
    mark = f"release-{time.time_ns()}"
    change_release(scratch, mark)
    with under_way(scratch.folder, tmp_path / "output") as up:
        up.await_moment(PENDING, lambda: status(deployed) == PENDING)
        up.hit(signal.SIGKILL)
        up.end()
    assert status(deployed) == PENDING
    earlier.assert_untouched(deployed)
    scratch.up()
    assert status(deployed) == DEPLOYED
    assert requested(deployed) == CPU
    assert mark in published(deployed)["sources/cost_of_living/tasks.py"].decode()
    earlier.assert_nothing_lost(deployed)
    assert scratch.up().counts[:4] == (0, 0, 0, 0)
    await_served(deployed, "cost_of_living")


def test_somebody_s_own_helm_dies_during_an_upgrade(with_results: Deployed, scratch: Scratch) -> None:
    deployed, earlier = with_results, Earlier.of(with_results)
    before = requested(deployed)
    upgrade = begin_upgrade(deployed)
    end = time.monotonic() + PENDING_SECONDS
    try:
        while not (status(deployed) == PENDING and requested(deployed) == OTHER_CPU):
            assert upgrade.poll() is None, upgrade.communicate()
            assert time.monotonic() < end
            time.sleep(0.02)
    finally:
        upgrade.kill()
        upgrade.communicate()
    assert (status(deployed), requested(deployed)) == (PENDING, OTHER_CPU)
    scratch.up()
    assert (status(deployed), requested(deployed)) == (DEPLOYED, before)
    earlier.assert_untouched(deployed)
    assert scratch.up().counts[:4] == (0, 0, 0, 0)


def begin_upgrade(deployed: Deployed) -> subprocess.Popen[str]:
    """Helm, as a person would call it."""
    source = chart_source(deployed.settings.chart)
    place = ["--repo", source.repository] if source.repository else []
    version = ["--version", source.version] if source.version else []
    change = ["--reuse-values", "--set", f"{COMPONENT}.resources.requests.cpu={OTHER_CPU}", "--wait"]
    machine = deployed.machine
    return subprocess.Popen(
        [str(machine.tool("helm")), "upgrade", names.RELEASE, source.chart, *place, *version, *change,
         "--namespace", deployed.settings.name, "--kubeconfig", str(machine.kubeconfig)],
        cwd=ROOT,
        env={**os.environ, **machine.environment()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
