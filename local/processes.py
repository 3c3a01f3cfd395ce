"""Daemons: started detached, found again by anyone, stopped with grace."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local import files
from local.waiting import GaveUp, wait

LOG_LINES = 15
# The child itself writes who it is before it becomes the daemon: whoever started it may be killed at any moment.
LAUNCH = """
set -e
pid_file=$1 digest=$2 groups=$3; shift 3
for group in $groups; do echo $$ >"$group"; done
started=$(cut -d ' ' -f 22 /proc/$$/stat)
printf '{"pid": %s, "started": %s, "digest": "%s"}\\n' $$ "$started" "$digest" >"$pid_file.partial"
mv "$pid_file.partial" "$pid_file"
exec "$@"
"""


@dataclass(frozen=True)
class Daemon:
    """What to run, with which files, and how to tell that it serves.

    ``missing`` returns None once the daemon is ready, else what is not there yet.
    A change of command, of ``files``, or of the files that it ``reads`` once and others write, restarts it.
    """

    name: str
    command: tuple[str, ...]
    missing: Callable[[], str | None] = lambda: None
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[Path, str] = field(default_factory=dict)
    address: str = ""
    ready_seconds: float = 60
    grace_seconds: float = 10
    reads: tuple[Path, ...] = ()

    @property
    def digest(self) -> str:
        # Not the environment: it may hold the caller's proxy settings, which differ from shell to shell.
        content = [*self.command, *(f"{path}\0{text}" for path, text in sorted(self.files.items()))]
        content += [f"{path}\0{path.read_text()}" for path in self.reads if path.exists()]
        return hashlib.sha256("\0".join(content).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Running:
    pid: int
    digest: str


def started_at(pid: int) -> int | None:
    """Clock ticks after boot at which the process began; None where there is none, or only its zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if stat[0] in "ZX" else int(stat[19])


def resident_memory(pid: int) -> int:
    """Bytes; 0 for a process that is gone."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


@dataclass(frozen=True)
class Supervisor:
    """Keeps process files in ``run``, logs in ``logs``; ``groups`` are the control groups a daemon joins first."""

    run: Path
    logs: Path
    groups: tuple[Path, ...] = ()

    def running(self, name: str) -> Running | None:
        """The daemon, unless it was told to stop, its process is gone or its number was given to another."""
        return _living(self._pid_file(name))

    def current(self, daemon: Daemon) -> bool:
        """Whether it runs, as it is described now."""
        running = self.running(daemon.name)
        return running is not None and running.digest == daemon.digest

    def start(self, daemon: Daemon) -> bool:
        """Start it unless it runs as described; a different or dead one is replaced. True if it was started."""
        if self.current(daemon):
            return False
        self.stop(daemon.name, daemon.grace_seconds)
        files.folder(self.run, 0o700)
        files.folder(self.logs, 0o700)
        temporary = files.folder(self.temporary / daemon.name, 0o700)
        for path, text in daemon.files.items():
            files.write(path, text, 0o600)
        log = self.log(daemon.name)
        if log.exists():
            log.replace(log.with_suffix(".previous.log"))
        groups = " ".join(map(str, self.groups))
        with log.open("ab") as output:
            subprocess.Popen(
                ["sh", "-c", LAUNCH, "sh", str(self._pid_file(daemon.name)), daemon.digest, groups, *daemon.command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={"PATH": os.defpath, "TMPDIR": str(temporary), **daemon.environment},
                start_new_session=True,
                umask=0o022,
            )
        return True

    def await_ready(self, daemon: Daemon) -> None:
        """Raises GaveUp, with the last lines of the log, when the daemon ends or is not ready in time."""

        def missing() -> str | None:
            # First: a daemon that ended must not pass for ready because another answers in its place. The file before
            # the process: the other way round, one that begins in between would pass for ended.
            if self._pid_file(daemon.name).exists() and self.running(daemon.name) is None:
                raise GaveUp(f"{daemon.name} ended instead of serving; its last log lines:\n{self.tail(daemon.name)}")
            if self.running(daemon.name) is None:
                return "its process has not begun"
            return daemon.missing()

        wait(daemon.name, missing, daemon.ready_seconds, lambda: f"its last log lines:\n{self.tail(daemon.name)}")

    def stop(self, name: str, grace_seconds: float = 10) -> bool:
        """SIGTERM, then SIGKILL after the grace; False if it did not run."""
        stopping = self._pid_file(name).with_suffix(".stopping")
        running = self.running(name)
        if running is not None:
            # Told so on disk before it is told by a signal: if we are killed now, nobody takes it for running.
            self._pid_file(name).replace(stopping)
        running = running or _living(stopping)
        if running is not None:
            _end(name, running.pid, grace_seconds)
        stopping.unlink(missing_ok=True)
        self._pid_file(name).unlink(missing_ok=True)
        return running is not None

    @property
    def temporary(self) -> Path:
        """Holds a folder for each daemon's temporary files, which one that is killed leaves behind."""
        return self.run / "temporary"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def tail(self, name: str, lines: int = LOG_LINES) -> str:
        with contextlib.suppress(FileNotFoundError):
            return "\n".join(self.log(name).read_text(errors="replace").splitlines()[-lines:])
        return "(no log)"

    def _pid_file(self, name: str) -> Path:
        return self.run / f"{name}.pid"


def _living(pid_file: Path) -> Running | None:
    try:
        record = json.loads(pid_file.read_text())
    except (FileNotFoundError, ValueError):
        return None
    if started_at(record["pid"]) != record["started"]:
        return None
    return Running(record["pid"], record["digest"])


def _end(name: str, pid: int, grace_seconds: float) -> None:
    started = started_at(pid)

    def still_there() -> str | None:
        return f"process {pid} is still there" if started is not None and started_at(pid) == started else None

    _signal(pid, signal.SIGTERM)
    end = time.monotonic() + grace_seconds
    while still_there() and time.monotonic() < end:
        time.sleep(0.02)
    if still_there():
        _signal(pid, signal.SIGKILL)
        wait(f"{name} to end", still_there, 10)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
