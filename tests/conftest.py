"""What tests share: the repository's folder, and the running platform."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from lightkube import Client

from infra import sources
from infra.settings import Settings
from infra.sources import Sources
from local import engine, platform, stack
from local.bucket import Bucket
from local.engine import Choice
from local.kubernetes_client import connect
from local.machine import Machine
from local.progress import Progress

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Deployed:
    """The running platform with Airflow on it."""

    machine: Machine
    client: Client
    choice: Choice
    settings: Settings
    root: Path = ROOT

    @property
    def bucket(self) -> Bucket:
        return Bucket(self.client, self.settings)

    @property
    def sources(self) -> Sources:
        return sources.load(self.settings, self.root)


def is_running(machine: Machine) -> bool:
    return all(one.running for one in platform.status(machine))


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def running(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """The platform, brought up with Airflow on it where it is not; what was started is stopped again."""
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("the one-machine platform needs root on Linux")
    machine = Machine.here()
    was_running = is_running(machine)
    reporter = request.config.pluginmanager.getplugin("capturemanager")
    with reporter.global_and_fixture_disabled():
        done = subprocess.run([sys.executable, "-m", "commands", "local", "up"], cwd=ROOT, check=False)
    try:
        assert done.returncode == 0, "make up failed; its own message stands above"
        yield machine
    finally:
        if not was_running:
            platform.stop(machine, Progress())


@pytest.fixture(scope="session")
def deployed(running: Machine) -> Deployed:
    client = connect(running)
    any_choice = Choice("direct", "stand-in", engine.STAND_IN)
    choice = engine.recorded(client, stack.settings(running, any_choice).name)
    assert choice is not None
    return Deployed(running, client, choice, stack.settings(running, choice))
