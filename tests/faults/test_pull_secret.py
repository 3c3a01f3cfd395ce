"""The Secret with the registry's log-in is really needed: without it a task's image cannot be pulled."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest
from lightkube.resources.core_v1 import Secret

from infra import names
from local import containers
from local.machine import Machine
from tests.conftest import Deployed
from tests.platform.commands import run
from tests.platform.observed import await_served, published
from tests.platform.scratch import settled

pytestmark = [pytest.mark.platform, pytest.mark.faults]

IMAGE = "cost-of-living"


@pytest.fixture
def without_secret(deployed: Deployed) -> Iterator[str]:
    """The reference of an image that is not on the node, while no Secret gives it to task pods."""
    settled(deployed.root)
    await_served(deployed, "cost_of_living")
    image = json.loads(published(deployed)["images.json"])["images"][IMAGE]
    deployed.client.delete(Secret, names.REGISTRY_SECRET, namespace=deployed.settings.tasks_namespace)
    try:
        forget(deployed.machine, image["digest"])
        yield f"{image['reference']}@{image['digest']}"
    finally:
        settled(deployed.root)


def test_smoke_names_the_pull_secret_that_is_missing_and_up_puts_it_back(
    deployed: Deployed, without_secret: str
) -> None:
    failed = run("local", "smoke", "cost_of_living")
    assert failed.status == 1
    assert f"the pull of {without_secret}" in failed.output
    assert "was refused for lack of credentials" in failed.output
    assert f"Secret {names.REGISTRY_SECRET} in namespace {deployed.settings.tasks_namespace}" in failed.output
    assert "Traceback" not in failed.output
    assert settled(deployed.root).counts[1:4] == (1, 0, 0)
    passed = run("local", "smoke", "cost_of_living")
    assert passed.status == 0, passed.output


def forget(machine: Machine, digest: str) -> None:
    """Have the node hold an image under none of its names."""
    for line in ctr(machine, "images", "list").splitlines()[1:]:
        # containerd keeps an image by tag, by digest and by its configuration's digest.
        name, _, target, *_ = line.split()
        if target == digest:
            ctr(machine, "images", "remove", "--sync", name)
    assert digest not in ctr(machine, "images", "list")


def ctr(machine: Machine, *arguments: str) -> str:
    address = str(containers.address(machine))
    command = [str(machine.tool("ctr")), "--address", address, "--namespace", containers.KUBERNETES_NAMESPACE]
    return subprocess.run([*command, *arguments], check=True, capture_output=True, text=True).stdout
