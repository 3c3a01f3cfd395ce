"""Faults hit a deployment of their own, one engine after the other: what a person has deployed is left alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local import engine, pulumi_engine, stack
from local.kubernetes_client import connect
from local.machine import Machine
from local.up import UNDECIDED
from tests.conftest import Deployed, bring_up, remove
from tests.faults.earlier import DAG
from tests.platform.commands import run
from tests.platform.observed import await_served
from tests.platform.scratch import Scratch, scratch_clone

#: Namespace of the deployment.
NAME = "airflow-faults"


@pytest.fixture(scope="session", params=["direct", "pulumi"])
def deployed(request: pytest.FixtureRequest, started: Machine) -> Iterator[Deployed]:
    if request.param == "pulumi" and not pulumi_engine.available():
        pytest.skip("no Pulumi CLI on PATH")
    client = connect(started)
    # Commands and settings read the two variables: all that runs meanwhile is about this deployment.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(stack.NAME_VARIABLE, NAME)
        patch.setenv("APPLY", request.param)
        settings = stack.settings(started, UNDECIDED)
        # A run of these tests that was killed has left it.
        remove(started, client, settings)
        try:
            bring_up(request, "--no-smoke")
            choice = engine.recorded(client, NAME)
            assert choice is not None
            yield Deployed(started, client, choice, stack.settings(started, choice))
        finally:
            remove(started, client, settings)


@pytest.fixture(scope="session")
def with_results(deployed: Deployed) -> Deployed:
    """With the results of a run in its bucket."""
    done = run("local", "smoke", DAG)
    assert done.status == 0, done.output
    return deployed


@pytest.fixture(scope="module")
def scratch(with_results: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """Another clone, to change and to bring up."""
    with scratch_clone(tmp_path_factory.mktemp("faults")) as clone:
        await_served(with_results, DAG)
        yield clone
