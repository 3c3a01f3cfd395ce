"""Times whole processes, in turn, so that a machine that drifts does so for both."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Sample:
    """Wall seconds, CPU seconds (user and system) and peak resident memory in bytes of one process."""

    seconds: float
    cpu_seconds: float
    peak_memory: int


@dataclass(frozen=True)
class Figure:
    """Medians over the counted runs, and the spread of the wall time."""

    seconds: float
    fastest: float
    slowest: float
    cpu_seconds: float
    peak_memory: int
    runs: int

    def to_json(self) -> dict[str, float]:
        return asdict(self)


def run_once(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Sample:
    """Raises RuntimeError when the command fails: a failed run is no figure."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command, env=dict(environment or os.environ), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    message = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{message.decode(errors='replace')}")
    return Sample(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def in_turn(commands: Mapping[str, Sequence[str]], runs: int) -> dict[str, Figure]:
    """One uncounted run of each command, then ``runs`` rounds through all of them."""
    for command in commands.values():
        run_once(command)
    samples: dict[str, list[Sample]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            samples[name].append(run_once(command))
    return {name: figure(taken) for name, taken in samples.items()}


def figure(samples: Sequence[Sample]) -> Figure:
    """Of at least one sample."""
    seconds = [sample.seconds for sample in samples]
    return Figure(
        seconds=statistics.median(seconds),
        fastest=min(seconds),
        slowest=max(seconds),
        cpu_seconds=statistics.median(sample.cpu_seconds for sample in samples),
        peak_memory=max(sample.peak_memory for sample in samples),
        runs=len(samples),
    )
