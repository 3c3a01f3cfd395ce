"""The process list of the machine, while something runs."""

from __future__ import annotations

import threading
from pathlib import Path

SAMPLE_SECONDS = 0.03
#: A process shows the command line of the one that started it until it has its own: each is read so many times.
READINGS = 10


class Listing:
    """Command lines of all processes, those in pods too, between ``with`` and its end; the shortest may be missed."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._readings: dict[str, int] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Listing:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    @property
    def programs(self) -> set[str]:
        """Names of the programs that ran."""
        return {line.split(b"\0")[0].rpartition(b"/")[2].decode(errors="replace") for line in self.seen}

    def _sample(self) -> None:
        while not self._stopped.wait(SAMPLE_SECONDS):
            live = {path.name for path in Path("/proc").iterdir() if path.name.isdigit()}
            self._readings = {process: self._readings.get(process, 0) for process in live}
            for process, readings in self._readings.items():
                if readings < READINGS:
                    self._readings[process] += 1
                    self._read(process)

    def _read(self, process: str) -> None:
        try:
            self.seen.add(Path("/proc", process, "cmdline").read_bytes())
        except OSError:
            return  # it has ended
