"""One control group tree for all that the platform runs, so that nothing of it can be missed or left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from local.waiting import GaveUp

MOUNTS = Path("/proc/self/mounts")
# cgroup v1: the hierarchies a pod is put into, and copied from the parent because the kernel starts them empty.
CPUSET_FILES = ("cpuset.cpus", "cpuset.mems")
# As one group of the default weight all of the platform would starve beside a build on the host.
WEIGHTS = (("cpu.shares", "16384"), ("cpu.weight", "1600"))
CONTROLLERS = ("cpu", "cpuset", "io", "memory", "pids", "hugetlb")
KILL_SECONDS = 20


def hierarchies(mounts: str) -> tuple[Path, ...]:
    """Mount points of the control group hierarchies: all of v1, and the one of v2."""
    lines = (line.split() for line in mounts.splitlines())
    return tuple(dict.fromkeys(Path(fields[1]) for fields in lines if fields[2] in ("cgroup", "cgroup2")))


@dataclass(frozen=True)
class Tree:
    """``/<name>`` in every hierarchy; pods go below it, daemons into its child ``daemons``."""

    name: str
    roots: tuple[Path, ...]

    @classmethod
    def here(cls, name: str) -> Tree:
        return cls(name, hierarchies(MOUNTS.read_text()))

    @property
    def daemons(self) -> tuple[Path, ...]:
        """The ``cgroup.procs`` files that a daemon writes its process id into."""
        return tuple(root / self.name / "daemons" / "cgroup.procs" for root in self.roots)

    def ensure(self) -> None:
        """GaveUp where the kernel or a container around us refuses."""
        try:
            self._make()
        except OSError as error:
            raise GaveUp(f"cannot make a control group, which pods need: {error}") from error

    def _make(self) -> None:
        for root in self.roots:
            for directory in (root / self.name, root / self.name / "daemons"):
                directory.mkdir(exist_ok=True)
                _inherit(directory)
            for name, value in WEIGHTS:
                if (root / self.name / name).exists():
                    (root / self.name / name).write_text(value)

    def processes(self) -> frozenset[int]:
        found: set[int] = set()
        for root in self.roots:
            for directory, _, _ in os.walk(root / self.name):
                with contextlib.suppress(OSError):
                    found.update(map(int, (Path(directory) / "cgroup.procs").read_text().split()))
        return frozenset(found)

    def kill(self) -> None:
        """SIGKILL until no process is left; processes that the kernel cannot end stay, after 20 s."""
        end = time.monotonic() + KILL_SECONDS
        while (left := self.processes()) and time.monotonic() < end:
            for process in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(0.05)

    def remove(self) -> None:
        """Remove the empty groups, deepest first; a group that is still busy stays."""
        for root in self.roots:
            for directory, _, _ in os.walk(root / self.name, topdown=False):
                with contextlib.suppress(OSError):
                    Path(directory).rmdir()


def _inherit(directory: Path) -> None:
    parent = directory.parent
    for name in CPUSET_FILES:
        file = directory / name
        if file.exists() and not file.read_text().strip():
            with contextlib.suppress(OSError):
                file.write_text((parent / name).read_text())
    control = parent / "cgroup.subtree_control"
    if control.exists() and directory.name != "daemons":
        _enable(control)
        _enable(directory / "cgroup.subtree_control")


def _enable(control: Path) -> None:
    for controller in CONTROLLERS:
        # One at a time: a kernel without one of them would else refuse all.
        with contextlib.suppress(OSError):
            control.write_text(f"+{controller}")
