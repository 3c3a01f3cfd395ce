"""The Secret with the registry's log-in is really needed: without it a task's image cannot be pulled."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from lightkube.resources.core_v1 import Secret

from infra import names
from local import containers
from local.machine import Machine
from tests.conftest import Deployed
from tests.platform.commands import run
from tests.platform.observed import await_served, published, reference_of
from tests.platform.scratch import settled

# Whichever engine made them, the objects are the same.
pytestmark = [pytest.mark.platform, pytest.mark.faults, pytest.mark.parametrize("deployed", ["direct"], indirect=True)]

IMAGE = "cost-of-living"


@pytest.fixture
def without_secret(deployed: Deployed) -> Iterator[str]:
    """The reference of an image that is not on the node, while no Secret gives it to task pods."""
    settled(deployed.root)
    await_served(deployed, "cost_of_living")
    reference = reference_of(published(deployed), IMAGE)
    deployed.client.delete(Secret, names.REGISTRY_SECRET, namespace=deployed.settings.tasks_namespace)
    try:
        forget(deployed.machine, reference)
        yield reference
    finally:
        settled(deployed.root)


def test_without_the_pull_secret_smoke_names_what_is_missing(deployed: Deployed, without_secret: str) -> None:
    failed = run("local", "smoke")
    assert failed.status == 1
    assert f"the pull of {without_secret}" in failed.output
    assert "was refused for lack of credentials" in failed.output
    assert f"Secret {names.REGISTRY_SECRET} in namespace {deployed.settings.tasks_namespace}" in failed.output
    assert "Traceback" not in failed.output
    assert settled(deployed.root).counts[1:4] == (1, 0, 0)
    passed = run("local", "smoke")
    assert passed.status == 0, passed.output


def forget(machine: Machine, reference: str) -> None:
    """Have the node hold an image under none of its names."""
    listed = ctr(machine, "images", "list").splitlines()[1:]
    rows = [line.split() for line in listed]
    # name, media type, digest: containerd keeps an image by tag, by digest and by its configuration's digest.
    (digest,) = {row[2] for row in rows if row[0] == reference}
    for row in rows:
        if row[2] == digest:
            ctr(machine, "images", "remove", "--sync", row[0])
    assert reference not in ctr(machine, "images", "list")


def ctr(machine: Machine, *arguments: str) -> str:
    address = str(containers.address(machine))
    command = [str(machine.tool("ctr")), "--address", address, "--namespace", containers.KUBERNETES_NAMESPACE]
    return subprocess.run([*command, *arguments], check=True, capture_output=True, text=True).stdout
