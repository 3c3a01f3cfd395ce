"""Faults hit a deployment of their own, one engine after the other: what a person has deployed is left alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local import engine, pulumi_engine, stack
from local.kubernetes_client import connect
from local.machine import Machine
from local.up import UNDECIDED
from tests.conftest import Deployed, bring_up, remove

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
