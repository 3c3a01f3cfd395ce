"""``make up`` with fakes in the place of all that it brings up."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from infra.registry_log_in import LogIn
from local import engine, platform, smoke, stack, up
from local.apply import Counts
from local.bucket import Bucket
from local.engine import STAND_IN, Choice
from local.machine import Machine
from local.progress import Progress
from pipelines.errors import InputError, Problem
from tests.local.fake_cluster import FakeCluster

pytestmark = pytest.mark.slow

VERSION = "0123456789abcdef"
REPORT = smoke.Report(VERSION, tuple(smoke.Row(dag, "t", "success", "i", "d", 1.0, 1) for dag in smoke.BRIEF))
DIRECT = {"APPLY": "direct", "CHART": "stand-in"}
#: A release that finds nothing to change would leave Airflow as a restore that was broken off has left it.
DEPLOYED = ["start", "apply", "start what is stopped"]


class Airflow:
    address = "http://airflow.test"

    def unhealthy(self) -> str | None:
        return None


class Fakes:
    """What an up called, in order, and the cluster that it called it on."""

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.calls: list[str] = []
        self.problems: tuple[Problem, ...] = ()

    def check(self, machine: Machine) -> None:
        if self.problems:
            raise InputError(self.problems)

    def start(self, machine: Machine, progress: Progress) -> None:
        self.calls.append("start")

    def apply(self, *arguments: object) -> Counts:
        self.calls.append("apply")
        return Counts(created=1)

    def smoke(self, *arguments: object) -> smoke.Report:
        self.calls.append("smoke")
        return REPORT


class FakeBackups:
    fakes: Fakes

    def __init__(self, *arguments: object) -> None:
        pass

    def start(self) -> None:
        self.fakes.calls.append("start what is stopped")


class FakeApply:
    fakes: Fakes

    def __init__(self, *arguments: object) -> None:
        # The namespace is there before anything is applied.
        assert engine.recorded(self.fakes.cluster.client(), "airflow") is not None

    def run(self, *arguments: object) -> Counts:
        return self.fakes.apply()


@pytest.fixture
def fakes(root: Path, monkeypatch: pytest.MonkeyPatch) -> Fakes:
    monkeypatch.chdir(root)
    for name in (stack.NAME_VARIABLE, "AIRFLOW_CHART"):
        monkeypatch.delenv(name, raising=False)
    fakes = Fakes()
    monkeypatch.setattr(platform, "check", fakes.check)
    monkeypatch.setattr(platform, "start", fakes.start)
    monkeypatch.setattr(up, "connect", lambda machine: fakes.cluster.client())
    monkeypatch.setattr(LogIn, "check", lambda log_in: None)
    monkeypatch.setattr(up, "ensure_mirror", lambda machine, progress, images: None)
    monkeypatch.setattr(FakeApply, "fakes", fakes, raising=False)
    monkeypatch.setattr(up, "Apply", FakeApply)
    monkeypatch.setattr(FakeBackups, "fakes", fakes, raising=False)
    monkeypatch.setattr(up, "Backups", FakeBackups)
    monkeypatch.setattr(smoke, "airflow", lambda client, settings: Airflow())
    monkeypatch.setattr(smoke, "run", fakes.smoke)
    monkeypatch.setattr(Bucket, "__init__", lambda *arguments: None)
    monkeypatch.setattr(Bucket, "published_version", lambda bucket: VERSION)
    return fakes


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine.here({"HOME": str(tmp_path)})


def run(machine: Machine, environment: dict[str, str], *, with_smoke: bool = True) -> up.Summary:
    return up.up(machine, environment, Progress(io.StringIO()), with_smoke=with_smoke)


def test_the_check_tells_everything_before_anything_is_started(fakes: Fakes, machine: Machine) -> None:
    fakes.problems = (Problem("this machine", "memory", "1 GB", "4 GB", "add memory"),)
    with pytest.raises(InputError) as caught:
        run(machine, {"APPLY": "terraform"})
    assert {problem.key for problem in caught.value.problems} == {"APPLY", "memory"}
    assert fakes.calls == []
    assert fakes.cluster.writes == []
    assert not machine.state.exists()


def test_the_choice_is_recorded_and_kept(fakes: Fakes, machine: Machine) -> None:
    summary = run(machine, DIRECT, with_smoke=False)
    assert summary.choice == Choice("direct", "stand-in", STAND_IN)
    assert engine.recorded(fakes.cluster.client(), "airflow") == summary.choice
    assert run(machine, {}, with_smoke=False).choice == summary.choice
    with pytest.raises(InputError, match="make purge"):
        run(machine, {"CHART": "official"})


def test_the_smoke_test_runs_once_for_a_version(fakes: Fakes, machine: Machine) -> None:
    first = run(machine, DIRECT)
    assert (first.passed, first.report) == (True, REPORT)
    again = run(machine, DIRECT)
    assert (again.passed, again.report) == (True, None)
    assert fakes.calls == [*DEPLOYED, "smoke", *DEPLOYED]


def test_without_the_smoke_test_nothing_has_passed(fakes: Fakes, machine: Machine) -> None:
    summary = run(machine, DIRECT, with_smoke=False)
    assert (summary.passed, summary.report) == (False, None)
    assert fakes.calls == DEPLOYED
