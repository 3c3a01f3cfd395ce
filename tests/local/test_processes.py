"""Daemons, with real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from local import platform
from local.machine import Machine
from local.processes import Daemon, Running, Supervisor, started_at
from local.waiting import GaveUp, wait

pytestmark = pytest.mark.slow

SLEEPER = Daemon("sleeper", ("sleep", "600"))


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path / "run", tmp_path / "logs")
    yield made
    for name in ("sleeper", "stubborn", "liar"):
        made.stop(name, 0.1)


def started(supervisor: Supervisor, daemon: Daemon) -> int:
    assert supervisor.start(daemon)
    supervisor.await_ready(daemon)
    running = supervisor.running(daemon.name)
    assert running is not None
    return running.pid


def test_it_runs_detached_and_stops(supervisor: Supervisor) -> None:
    pid = started(supervisor, SLEEPER)
    assert os.getsid(pid) == pid
    assert supervisor.stop("sleeper")
    assert started_at(pid) is None
    assert supervisor.running("sleeper") is None
    assert not supervisor.stop("sleeper")


def test_a_second_start_changes_nothing(supervisor: Supervisor) -> None:
    pid = started(supervisor, SLEEPER)
    # Another process, in another clone, reads the same files.
    assert not Supervisor(supervisor.run, supervisor.logs).start(SLEEPER)
    assert started_at(pid) is not None


@pytest.mark.parametrize(
    "other",
    [
        {"command": ("sleep", "601")},
        {"files": {Path("extra"): "text"}},
    ],
)
def test_another_description_replaces_it(supervisor: Supervisor, tmp_path: Path, other: dict[str, object]) -> None:
    if "files" in other:
        other = {"files": {tmp_path / "extra": "text"}}
    first = started(supervisor, SLEEPER)
    second = started(supervisor, replace(SLEEPER, **other))  # type: ignore[arg-type]
    assert started_at(first) is None
    assert started_at(second) is not None


def test_another_content_of_what_it_reads_replaces_it(supervisor: Supervisor, tmp_path: Path) -> None:
    file = tmp_path / "read"
    file.write_text("before")
    daemon = replace(SLEEPER, reads=(file,))
    first = started(supervisor, daemon)
    assert not supervisor.start(daemon)
    file.write_text("after")
    started(supervisor, daemon)
    assert started_at(first) is None


def test_its_files_are_private_and_written_before_it_starts(supervisor: Supervisor, tmp_path: Path) -> None:
    file = tmp_path / "configuration"
    copy = tmp_path / "copy"
    command = ("sh", "-c", f"cp -p {file} {copy}; exec sleep 600")
    daemon = replace(SLEEPER, command=command, files={file: "secret"})
    supervisor.start(daemon)
    wait("the copy", lambda: None if copy.exists() and copy.read_text() == "secret" else "absent", 5)
    assert copy.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "{", '{"pid": 1', "{}\n"[:1]])
def test_a_torn_process_file_means_not_running(supervisor: Supervisor, content: str) -> None:
    supervisor.run.mkdir(parents=True)
    (supervisor.run / "sleeper.pid").write_text(content)
    assert supervisor.running("sleeper") is None
    started(supervisor, SLEEPER)


def test_one_that_begins_between_two_looks_has_not_ended(supervisor: Supervisor) -> None:
    file = supervisor.run / "sleeper.pid"
    file.parent.mkdir(parents=True)
    record = {"pid": os.getpid(), "started": started_at(os.getpid()), "digest": SLEEPER.digest}

    class Slow(Supervisor):
        def running(self, name: str) -> Running | None:
            found = super().running(name)
            file.write_text(json.dumps(record))
            return found

    try:
        Slow(supervisor.run, supervisor.logs).await_ready(SLEEPER)
    finally:
        file.unlink()


def test_what_a_killed_one_leaves_in_its_temporary_folder_goes_with_the_platform(tmp_path: Path) -> None:
    machine = Machine.here({"HOME": str(tmp_path)})
    watch = platform.supervisor(machine)
    watch = replace(watch, groups=())
    left = tmp_path / "left"
    started(watch, replace(SLEEPER, command=("sh", "-c", f"mktemp -d >{left}; exec sleep 600")))
    try:
        wait("its folder", lambda: None if left.exists() and left.read_text() else "absent", 5)
    finally:
        watch.stop("sleeper", 0.1)
    folder = Path(left.read_text().strip())
    assert folder.is_dir()
    assert any(folder.is_relative_to(machine.state / "run" / name) for name in platform.TRANSIENT)


def test_another_process_with_its_number_is_left_alone(supervisor: Supervisor) -> None:
    pid = started(supervisor, SLEEPER)
    file = supervisor.run / "sleeper.pid"
    record = json.loads(file.read_text())
    file.write_text(json.dumps({**record, "started": record["started"] - 1}))
    try:
        assert supervisor.running("sleeper") is None
        assert not supervisor.stop("sleeper")
        assert started_at(pid) is not None
    finally:
        os.kill(pid, signal.SIGKILL)


def test_killed_from_outside_it_is_started_again(supervisor: Supervisor) -> None:
    pid = started(supervisor, SLEEPER)
    os.kill(pid, signal.SIGKILL)
    wait("its end", lambda: None if started_at(pid) is None else "alive", 5)
    assert supervisor.running("sleeper") is None
    assert started(supervisor, SLEEPER) != pid


def test_who_ignores_the_request_is_killed(supervisor: Supervisor, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    program = f"trap '' TERM; touch {ready}; while :; do sleep 0.05; done"
    stubborn = Daemon("stubborn", ("sh", "-c", program), lambda: None if ready.exists() else "not trapping yet")
    pid = started(supervisor, stubborn)
    began = time.monotonic()
    assert supervisor.stop("stubborn", 0.3)
    assert started_at(pid) is None
    assert time.monotonic() - began >= 0.3


def test_a_stop_that_was_killed_is_finished_by_the_next_start(supervisor: Supervisor) -> None:
    pid = started(supervisor, SLEEPER)
    (supervisor.run / "sleeper.pid").rename(supervisor.run / "sleeper.stopping")
    assert supervisor.running("sleeper") is None
    assert started(supervisor, SLEEPER) != pid
    assert started_at(pid) is None


def test_one_that_ends_is_told_with_its_last_words(supervisor: Supervisor) -> None:
    liar = Daemon("liar", ("sh", "-c", "echo cannot open the door; exit 3"), lambda: "no answer")
    supervisor.start(liar)
    with pytest.raises(GaveUp, match=r"(?s)liar ended instead of serving.*cannot open the door"):
        supervisor.await_ready(liar)


def test_one_that_never_serves_is_given_up_with_what_is_missing(supervisor: Supervisor) -> None:
    daemon = replace(SLEEPER, missing=lambda: "port 1 is closed", ready_seconds=0.3)
    supervisor.start(daemon)
    with pytest.raises(GaveUp, match="gave up on sleeper after 0 s: port 1 is closed"):
        supervisor.await_ready(daemon)


def test_one_whose_program_is_absent_is_told(supervisor: Supervisor) -> None:
    absent = Daemon("liar", ("/no/such/program",), lambda: "no answer")
    supervisor.start(absent)
    with pytest.raises(GaveUp, match="/no/such/program"):
        supervisor.await_ready(absent)


def test_its_environment_is_only_what_is_given(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET_OF_THE_USER", "1")
    pid = started(supervisor, replace(SLEEPER, environment={"ONLY": "this"}))
    environment = Path(f"/proc/{pid}/environ").read_text()
    assert "ONLY=this" in environment
    assert "A_SECRET_OF_THE_USER" not in environment


def test_the_umask_of_the_caller_does_not_reach_it(supervisor: Supervisor, tmp_path: Path) -> None:
    made = tmp_path / "made"
    before = os.umask(0o077)
    try:
        supervisor.start(replace(SLEEPER, command=("sh", "-c", f"touch {made}; exec sleep 600")))
        wait("the file", lambda: None if made.exists() else "absent", 5)
    finally:
        os.umask(before)
    assert made.stat().st_mode & 0o777 == 0o644


def test_the_log_of_the_run_before_is_kept(supervisor: Supervisor) -> None:
    first = replace(SLEEPER, command=("sh", "-c", "echo first; exec sleep 600"))
    started(supervisor, first)
    wait("the log", lambda: None if supervisor.tail("sleeper") == "first" else "empty", 5)
    started(supervisor, SLEEPER)
    assert (supervisor.logs / "sleeper.previous.log").read_text() == "first\n"


def test_it_joins_its_groups_before_it_starts(tmp_path: Path) -> None:
    group = tmp_path / "cgroup.procs"
    supervisor = Supervisor(tmp_path / "run", tmp_path / "logs", (group,))
    pid = started(supervisor, SLEEPER)
    supervisor.stop("sleeper")
    assert group.read_text() == f"{pid}\n"


def test_a_parent_killed_at_once_leaves_a_known_daemon(tmp_path: Path) -> None:
    code = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from local.processes import Daemon, Supervisor\n"
        f"Supervisor(Path({str(tmp_path / 'run')!r}), Path({str(tmp_path / 'logs')!r}))"
        ".start(Daemon('sleeper', ('sleep', '600')))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).parents[2]
    killed = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(root)}, check=False)
    assert killed.returncode == -signal.SIGKILL
    supervisor = Supervisor(tmp_path / "run", tmp_path / "logs")
    wait("the daemon", lambda: None if supervisor.running("sleeper") else "unknown", 5)
    assert not supervisor.start(SLEEPER)
    assert supervisor.stop("sleeper")
