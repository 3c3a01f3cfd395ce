"""What the user sees while the platform works, and what the bench reads afterwards."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.status import Status
from rich.text import Text

SAMPLE_SECONDS = 0.5
# A plain log says that a long step is alive, without filling the screen.
REMINDER_SECONDS = 30


@dataclass(frozen=True)
class Stage:
    """One finished step; ``peak_memory`` is the machine's highest memory use during it, in bytes."""

    name: str
    seconds: float
    peak_memory: int
    succeeded: bool


def memory_in_use() -> int:
    """Bytes of the machine's memory that are not available to a new process."""
    fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    return (int(fields["MemTotal"].split()[0]) - int(fields["MemAvailable"].split()[0])) * 1024


class Progress:
    """Steps and remarks: live on a terminal, one line each elsewhere."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stages: list[Stage] = []
        self._console = Console(file=stream or sys.stdout, highlight=False, soft_wrap=True, emoji=False)
        self._status: Status | None = None
        self._open: list[str] = []

    def say(self, text: str) -> None:
        """A remark: above the running step on a terminal, a line of its own elsewhere."""
        self._console.print(f"  {text}", markup=False)

    def doing(self, text: str) -> None:
        """What the running step is at; replaces the last on a terminal."""
        if self._status is not None:
            # A plain string would be read as markup: a build's `[stage-0 2/4]` would vanish.
            self._status.update(Text(f"{' / '.join(self._open)}: {text}"))
        else:
            self.say(text)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Run the block as a named step; its end and its seconds are printed, and kept in ``stages``."""
        outer, self._status = self._status, None
        if outer is not None:
            outer.stop()
        self._open.append(name)
        if self._console.is_terminal:
            self._status = self._console.status(Text(" / ".join(self._open)))
            self._status.start()
        else:
            self._console.print(f"{name} ...", markup=False)
        watch = _Watch(self, name)
        succeeded = False
        try:
            yield
            succeeded = True
        finally:
            stage = watch.finish(succeeded)
            self.stages.append(stage)
            if self._status is not None:
                self._status.stop()
            self._open.pop()
            self._status = outer
            mark = "done" if succeeded else "FAILED"
            self._console.print(f"{name}: {mark} in {stage.seconds:.1f} s", markup=False)
            if outer is not None:
                outer.start()

    def remind(self, name: str, seconds: float) -> None:
        if self._status is None:
            self._console.print(f"  {name}: still at it after {seconds:.0f} s", markup=False)


class _Watch:
    """Samples memory beside a step, and reminds."""

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress, self._name = progress, name
        self._began = time.monotonic()
        self._peak = memory_in_use()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def _sample(self) -> None:
        reminded = self._began
        while not self._done.wait(SAMPLE_SECONDS):
            self._peak = max(self._peak, memory_in_use())
            now = time.monotonic()
            if now - reminded > REMINDER_SECONDS:
                reminded = now
                self._progress.remind(self._name, now - self._began)

    def finish(self, succeeded: bool) -> Stage:
        self._done.set()
        self._thread.join()
        peak = max(self._peak, memory_in_use())
        return Stage(self._name, time.monotonic() - self._began, peak, succeeded)
