"""Who may do what to the platform at the same time; nothing is started or stopped here."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from local import files, packages, platform
from local.machine import Machine
from local.progress import Progress


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine.here({"HOME": str(tmp_path)})
    for folder in (machine.state / "etcd", machine.cache / "bin"):
        folder.mkdir(parents=True)
        (folder / "file").touch()
    monkeypatch.setattr(platform, "_stop", lambda machine, progress: None)
    monkeypatch.setattr(packages, "remove", lambda path, progress: None)
    return machine


def test_purge_removes_all_and_its_locks_last(machine: Machine, tmp_path: Path) -> None:
    platform.purge(machine, Progress(io.StringIO()))
    assert list(tmp_path.iterdir()) == []


def test_nobody_gets_in_while_purge_removes(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    remove, seen = files.remove, []
    told, inside = threading.Event(), threading.Event()

    def up() -> None:
        with files.locked(machine.state / "up.lock", lambda holder: told.set()):
            inside.set()
            (machine.state / "new").touch()

    other = threading.Thread(target=up)

    def slowly(path: Path) -> None:
        if not seen:
            other.start()
            assert told.wait(5)
        seen.append(path)
        assert not inside.is_set()
        remove(path)

    monkeypatch.setattr(files, "remove", slowly)
    platform.purge(machine, Progress(io.StringIO()))
    assert machine.state / "etcd" in seen
    other.join(5)
    # What came after it stays.
    assert {path.name for path in machine.state.iterdir()} == {"new", "up.lock"}


@pytest.mark.parametrize("command", [platform.stop, platform.purge])
@pytest.mark.parametrize("lock", platform.LOCKS)
def test_down_and_purge_wait_for_an_up_and_say_for_whom(
    machine: Machine, command: Callable[[Machine, Progress], None], lock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, stopped = threading.Event(), threading.Event()
    texts: list[str] = []

    class Told(Progress):
        def say(self, text: str) -> None:
            texts.append(text)
            said.set()

    monkeypatch.setattr(platform, "_stop", lambda machine, progress: stopped.set())
    other = threading.Thread(target=command, args=(machine, Told(io.StringIO())))
    with files.locked(machine.state / lock):
        other.start()
        assert said.wait(5)
        assert not stopped.wait(0.1)
    other.join(5)
    assert stopped.is_set()
    assert texts[0].startswith(f"waiting for process {os.getpid()} (")
