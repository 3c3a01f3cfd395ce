"""An ``up`` in another process: watched until a moment comes, hit then, and awaited."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.platform.commands import Finished

REACHED_SECONDS = 120
ENDED_SECONDS = 300
#: Moments pass quickly: a push takes a tenth of a second.
PAUSE_SECONDS = 0.005


@dataclass
class UnderWay:
    """``output`` takes what it prints on both streams."""

    process: subprocess.Popen[bytes]
    output: Path
    began: float

    @property
    def told(self) -> str:
        return self.output.read_text(errors="replace")

    def await_moment(self, what: str, reached: Callable[[], object]) -> None:
        """Return as soon as it is reached; ends the test where ``up`` ends before."""
        end = time.monotonic() + REACHED_SECONDS
        while not reached():
            assert self.process.poll() is None, f"it ended before this: {what}\n{self.told}"
            assert time.monotonic() < end, f"not reached: {what}\n{self.told}"
            time.sleep(PAUSE_SECONDS)

    def await_shown(self, text: str) -> None:
        self.await_moment(text, lambda: text in self.told)

    def hit(self, number: signal.Signals) -> None:
        """Send it and all that it has started a signal, as a terminal does."""
        os.killpg(self.process.pid, number)

    def end(self) -> Finished:
        status = self.process.wait(ENDED_SECONDS)
        return Finished(status, self.told, time.monotonic() - self.began)


@contextmanager
def under_way(clone: Path, output: Path) -> Iterator[UnderWay]:
    """An ``up`` of a clone; it is killed where it has not ended in the end."""
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "commands", "local", "up", "--no-smoke"],
            cwd=clone,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # A shell has its background jobs ignore Ctrl-C, and they pass that on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    try:
        yield UnderWay(process, output, time.monotonic())
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
