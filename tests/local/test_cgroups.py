"""The control group tree, on ordinary folders where a kernel is not needed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from local import cgroups
from local.cgroups import Tree, hierarchies
from local.waiting import GaveUp

VERSION_1 = """tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0
cgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
/dev/vda / ext4 rw 0 0
"""
VERSION_2 = """/dev/vda / ext4 rw 0 0
cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0
"""


def test_all_hierarchies_are_found() -> None:
    below = Path("/sys/fs/cgroup")
    assert hierarchies(VERSION_1) == (below / "cpu", below / "pids", below / "unified")
    assert hierarchies(VERSION_2) == (below,)


def tree(tmp_path: Path) -> Tree:
    roots = (tmp_path / "cpu", tmp_path / "pids")
    for root in roots:
        root.mkdir()
    return Tree("ours", roots)


def test_processes_are_found_in_every_group_below_and_nowhere_else(tmp_path: Path) -> None:
    made = tree(tmp_path)
    made.ensure()
    pod = tmp_path / "pids" / "ours" / "kubepods" / "pod1"
    pod.mkdir(parents=True)
    (pod / "cgroup.procs").write_text("11\n12\n")
    (tmp_path / "cpu" / "ours" / "daemons" / "cgroup.procs").write_text("12\n13\n")
    (tmp_path / "cpu" / "cgroup.procs").write_text("1\n")
    assert made.processes() == {11, 12, 13}


def test_an_empty_cpuset_is_filled_from_above(tmp_path: Path) -> None:
    made = tree(tmp_path)
    (tmp_path / "cpu" / "cpuset.cpus").write_text("0-1")
    (tmp_path / "cpu" / "ours").mkdir()
    (tmp_path / "cpu" / "ours" / "cpuset.cpus").write_text("\n")
    made.ensure()
    assert (tmp_path / "cpu" / "ours" / "cpuset.cpus").read_text() == "0-1"


def test_empty_groups_go_deepest_first_and_busy_ones_stay(tmp_path: Path) -> None:
    made = tree(tmp_path)
    made.ensure()
    (tmp_path / "pids" / "ours" / "kubepods" / "pod1").mkdir(parents=True)
    busy = tmp_path / "cpu" / "ours" / "busy"
    busy.mkdir()
    (busy / "file").touch()
    made.remove()
    assert not (tmp_path / "pids" / "ours").exists()
    assert [path.name for path in (tmp_path / "cpu" / "ours").iterdir()] == ["busy"]


def test_every_process_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tree(tmp_path)
    made.ensure()
    procs = tmp_path / "cpu" / "ours" / "daemons" / "cgroup.procs"
    procs.write_text("21\n22\n")

    def kill(process: int, signal: int) -> None:
        left = [line for line in procs.read_text().split() if line != str(process)]
        procs.write_text("\n".join(left))
        if process == 22:
            raise ProcessLookupError

    monkeypatch.setattr(os, "kill", kill)
    made.kill()
    assert made.processes() == frozenset()


def test_a_process_that_does_not_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tree(tmp_path)
    made.ensure()
    (tmp_path / "cpu" / "ours" / "daemons" / "cgroup.procs").write_text("21\n")
    monkeypatch.setattr(os, "kill", lambda process, signal: None)
    monkeypatch.setattr(cgroups, "KILL_SECONDS", 0.1)
    made.kill()
    assert made.processes() == {21}


def test_a_refusal_is_told(tmp_path: Path) -> None:
    with pytest.raises(GaveUp, match="cannot make a control group"):
        Tree("ours", (tmp_path / "absent",)).ensure()
