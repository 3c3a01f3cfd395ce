"""What tests share: the repository's folder, and the running platform."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from lightkube import ApiError, Client
from lightkube.resources.core_v1 import Namespace, Pod
from xdist.remote import Producer

from infra import sources
from infra.settings import Settings
from infra.sources import Sources
from local import engine, platform, pulumi_engine, stack
from local.bucket import Bucket
from local.engine import Choice
from local.kubernetes_client import connect, namespace_annotations
from local.machine import Machine
from local.progress import Progress
from local.up import UNDECIDED, decide
from local.waiting import wait
from pipelines.errors import problems_in
from tests.scheduling import PLATFORM, OnePlatform, group_of, holds_none

ROOT = Path(__file__).parents[1]
# On a busy machine any example may take long: a disk is not always quick.
hypothesis.settings.register_profile("quick", deadline=None, max_examples=50)
hypothesis.settings.register_profile("fast", deadline=None, max_examples=20)
hypothesis.settings.load_profile("quick")
# What is imported stays: to go through it again and again takes a tenth of the time.
gc.set_threshold(50_000, 20, 10)
#: Namespace of the second deployment.
SECOND = "airflow-second"
#: Namespace of the first one, where what is deployed cannot be gone on with from here.
BESIDE = "airflow-of-tests"
#: Of what make up has printed, a failed test shows so much: its record may hold no more.
LAST_LINES = 20


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, and cannot be divided."""
    items.sort(key=lambda item: group_of(item.nodeid) == PLATFORM, reverse=True)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return holds_none(collection_path, config.option.markexpr) or None


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("cli") and not pulumi_engine.available():
        pytest.skip("no Pulumi CLI with its Python host on PATH")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OnePlatform | None:
    return OnePlatform(config, log) if config.getoption("dist") == "loadscope" else None


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
def official_chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked chart that ``AIRFLOW_CHART`` names, a folder or an archive."""
    if not (path := os.environ.get("AIRFLOW_CHART")):
        pytest.skip("AIRFLOW_CHART names no chart")
    if Path(path).is_dir():
        return Path(path)
    folder = tmp_path_factory.mktemp("chart")
    shutil.unpack_archive(path, folder, filter="data")
    return folder / "airflow"


@pytest.fixture(scope="session")
def started() -> Iterator[Machine]:
    """The platform, started where it does not run, whatever is deployed on it; what was started is stopped again."""
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("the one-machine platform needs root on Linux")
    machine = Machine.here()
    was_running = is_running(machine)
    try:
        platform.start(machine, Progress())
        yield machine
    finally:
        if not was_running:
            platform.stop(machine, Progress())


@pytest.fixture(scope="session")
def running(request: pytest.FixtureRequest, started: Machine) -> Iterator[Machine]:
    """The platform, with Airflow brought up on it.

    That is what is deployed already, or one of its own beside it where this shell cannot go on with that: it was made
    by a Pulumi CLI that is not on PATH here, or with a chart that is gone.
    """
    client = connect(started)
    if _can_go_on(client, started):
        bring_up(request)
        yield started
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(stack.NAME_VARIABLE, BESIDE)
        settings = stack.settings(started, UNDECIDED)
        # A run of these tests that was killed has left it.
        remove(started, client, settings)
        try:
            bring_up(request)
            yield started
        finally:
            remove(started, client, settings)


def _can_go_on(client: Client, machine: Machine) -> bool:
    with pytest.MonkeyPatch.context() as patch:
        # Deciding takes it out of the environment.
        patch.setenv("AIRFLOW_CHART", os.environ.get("AIRFLOW_CHART", ""))
        return not problems_in(lambda: decide(client, machine, os.environ))


@pytest.fixture(scope="session", params=["the engine that is there", "the other engine"])
def deployed(request: pytest.FixtureRequest, running: Machine) -> Iterator[Deployed]:
    """Airflow, once by the engine that is recorded, and once beside it by the other one where that can be had."""
    client = connect(running)
    first = engine.recorded(client, stack.settings(running, UNDECIDED).name)
    assert first is not None
    if request.param == "the engine that is there":
        yield Deployed(running, client, first, stack.settings(running, first))
        return
    if first.engine == "direct" and not pulumi_engine.available():
        pytest.skip("no Pulumi CLI on PATH: only direct apply was tested")
    other = Choice("pulumi" if first.engine == "direct" else "direct", first.chart, first.chart_path)
    # Commands and settings read the two variables: all that runs meanwhile is about the second deployment.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(stack.NAME_VARIABLE, SECOND)
        patch.setenv("APPLY", other.engine)
        patch.setenv("CHART", other.chart)
        settings = stack.settings(running, other)
        try:
            bring_up(request)
            yield Deployed(running, client, other, settings)
        finally:
            remove(running, client, settings)


def bring_up(request: pytest.FixtureRequest, *options: str) -> None:
    """``make up`` of this clone, its progress shown."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    assert capture
    last: deque[str] = deque(maxlen=LAST_LINES)
    command = [sys.executable, "-m", "commands", "local", "up", *options]
    piped: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    with capture.global_and_fixture_disabled(), subprocess.Popen(command, cwd=ROOT, **piped) as making:
        assert making.stdout
        for line in making.stdout:
            # One of several workers talks to the others over its standard output.
            sys.stderr.write(line)
            last.append(line)
    if making.returncode:
        pytest.fail(f"make up failed, and said at last:\n{''.join(last)}", pytrace=False)


def remove(machine: Machine, client: Client, settings: Settings) -> None:
    """Take away a deployment that tests have made, with what its engine remembers of it."""
    names = (settings.name, settings.tasks_namespace)
    for name in names:
        with contextlib.suppress(ApiError):
            client.delete(Namespace, name)
        # Nobody waits for what they would still finish, and a triggerer takes its minute.
        for pod in client.list(Pod, namespace=name):
            assert pod.metadata is not None
            assert pod.metadata.name is not None
            with contextlib.suppress(ApiError):
                client.delete(Pod, pod.metadata.name, namespace=name, grace_period=0)
    wait(f"deployment {settings.name} to go", lambda: _left(client, names), 300)
    shutil.rmtree(machine.state / "pulumi" / settings.name, ignore_errors=True)


def _left(client: Client, names: tuple[str, ...]) -> str | None:
    return ", ".join(name for name in names if namespace_annotations(client, name) is not None) or None
