"""Programs of several folders at the same time: each has its own modules, and ends for itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from plan import fork_programs, programs
from plan.programs import Programs
from tests.plan import repository

#: What the first argument says that it does.
MAIN = """
import os, sys, time
from commands import own
what = sys.argv[1]
if what == "tell":
    print(own.NAME, __name__, os.getcwd(), sys.argv[1:], sys.path[0], sorted(os.environ))
if what == "fail":
    raise RuntimeError(own.NAME)
if what == "exit":
    sys.exit(own.NAME)
if what == "code":
    print("words")
    sys.exit(7)
if what == "kill":
    os.kill(os.getpid(), 9)
if what == "wait":
    time.sleep(60)
"""
PYTHON = sys.executable


def folder(root: Path, name: str) -> Path:
    files = {"commands/__main__.py": MAIN, "commands/__init__.py": "", "commands/own.py": f"NAME = {name!r}\n"}
    repository.write(root / name, files)
    return root / name


@pytest.fixture(autouse=True)
def light(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that imports nothing: that takes most of a second."""
    text, end = programs.SERVER.read_text(), 'if __name__ == "__main__":'
    assert end in text
    repository.write(tmp_path, {"server.py": text.replace(end, f"SHARED = ()\n{end}")})
    monkeypatch.setattr(programs, "SERVER", tmp_path / "server.py")
    monkeypatch.setenv("A_SECRET", "canary")


def test_each_has_its_own_modules_and_sees_no_more_than_it_is_given(tmp_path: Path) -> None:
    one, two = folder(tmp_path, "one"), folder(tmp_path, "two")
    with Programs({"GIVEN": "1"}) as running:
        begun = [running.begin(PYTHON, root, ("tell", "it")) for root in (one, two)]
        told = [running.said(program) for program in begun]
    for root, said in zip((one, two), told, strict=True):
        assert said.code == 0, said.words
        assert said.words.startswith(f"{root.name} __main__ {root} ['tell', 'it'] {root} ")
        assert "GIVEN" in said.words
        assert "A_SECRET" not in said.words


def test_each_ends_for_itself(tmp_path: Path) -> None:
    root = folder(tmp_path, "one")
    with Programs({}) as running:
        begun = {what: running.begin(PYTHON, root, (what,)) for what in ("fail", "exit", "code", "kill", "tell")}
        said = {what: running.said(program) for what, program in begun.items()}
    assert {what: one.code for what, one in said.items()} == {"fail": 1, "exit": 1, "code": 7, "kill": -9, "tell": 0}
    assert said["fail"].words.splitlines()[-1] == "RuntimeError: one"
    assert f'File "{root}/commands/__main__.py", line 8' in said["fail"].words
    assert said["exit"].words == "one\n"
    assert said["code"].words == "words\n"
    assert "ended with -9" in said["kill"].words


@pytest.mark.slow
def test_one_that_does_not_end_is_ended(tmp_path: Path) -> None:
    root = folder(tmp_path, "one")
    began = time.monotonic()
    with Programs({}, seconds=5) as running:
        begun = [running.begin(PYTHON, root, (what,)) for what in ("wait", "code")]
        assert [running.said(program).code for program in begun] == [None, 7]
    assert time.monotonic() - began < 30


def test_what_nobody_waited_for_is_killed(tmp_path: Path) -> None:
    root = folder(tmp_path, "one")
    with Programs({}) as running:
        group = running.begin(PYTHON, root, ("wait",)).server.process.pid
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)


def test_without_forks_they_are_told_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder(tmp_path, "one")
    out, err = tmp_path / "out", tmp_path / "err"
    monkeypatch.delenv("PYTHONPATH", raising=False)
    process = fork_programs.spawned(str(root), str(out), str(err), "tell", "it")
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    assert out.read_text().startswith(f"one __main__ {root} ['tell', 'it'] {root} ")


@pytest.mark.slow
def test_what_is_shared_can_be_imported_and_starts_no_thread() -> None:
    """A fork takes along no thread but its own."""
    asked = (
        "import importlib, threading; from plan.fork_programs import SHARED; "
        "[importlib.import_module(name) for name in SHARED]; print(threading.active_count())"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
