"""What BuildKit's plain progress tells: the running step, and of a build that failed the step and its last lines."""

from __future__ import annotations

import os
import re
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

KEPT_LINES = 20
LINE = re.compile(r"^#(?P<step>\d+) (?P<text>.*)$")
#: ``[2/4] RUN ...``, ``[stage-0 2/4] RUN ...``, ``[internal] load ...``.
STEP = re.compile(r"^\[[^\]]+\] .+$")
#: The seconds before what a step's own command printed.
SECONDS = re.compile(r"^\d+\.\d+ ?")
FAILED = re.compile(r"^ERROR: (?P<reason>.+)$")
# BuildKit repeats a step's output below these.
RULER = "------"
#: What a build that failed says -> what to do; the first that is found.
FIXES = (
    (
        re.compile("no space left on device"),
        "the disk is full: `df -h` shows which; `buildctl prune` (or `docker buildx prune`) empties the layer cache",
    ),
    (
        re.compile(
            r"failed to (?:push|authorize|fetch (?:anonymous|oauth) token).*"
            r"(?:401|403|unauthorized|denied|authorization failed|insufficient_scope)"
        ),
        "the registry refuses the push: `docker login` with an account that may push to this repository",
    ),
    (
        re.compile(r"failed to push.*(?:unexpected status|status code|answers).*\b5\d\d\b"),
        "the registry fails, and its own log says why; most often its disk is full: `df -h` where it keeps its data",
    ),
    (
        re.compile(
            r"failed to (?:push|do request|resolve source metadata|authorize).*"
            r"(?:connection refused|connection reset|broken pipe|\beof\b|no such host|i/o timeout|timeout awaiting)"
        ),
        "the registry does not answer: on the one-machine platform `make up` starts it again; elsewhere see to it",
    ),
    (
        re.compile(r"e: version '\S+' for '\S+' was not found"),
        "Debian's archive has a newer version than the one that is pinned, as the step's lines say: pin that",
    ),
)


def way_out(told: str) -> str | None:
    """What to do about a failure that says this, where that is known."""
    lowered = " ".join(told.split()).lower()
    return next((fix for found, fix in FIXES if found.search(lowered)), None)


def run(command: Sequence[str], environment: Mapping[str, str], say: Callable[[str], None]) -> str | None:
    """Run a builder that prints plain progress; of one that failed, what to tell of it.

    ``environment`` comes on top of this process's own; ``say`` hears each step as it begins.
    """
    log = BuildLog(say)
    with subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            log.take(line)
    return log.failure() if process.returncode else None


@dataclass
class BuildLog:
    """Takes a build's output line by line; ``say`` hears each step as it begins."""

    say: Callable[[str], None] = lambda text: None
    _names: dict[str, str] = field(default_factory=dict)
    _output: dict[str, deque[str]] = field(default_factory=dict)
    _failed: str | None = None
    _reason: str = ""
    _last: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    _repeats: bool = False

    def take(self, line: str) -> None:
        line = line.rstrip()
        self._repeats = self._repeats or line == RULER
        if not self._repeats:
            self._last.append(line)
        found = LINE.match(line)
        if found is None:
            self._error(line.removeprefix("error: ")) if line.lower().startswith("error: ") else None
            return
        step, text = found["step"], found["text"]
        if failed := FAILED.match(text):
            self._failed, self._reason = step, failed["reason"]
        elif STEP.match(text) and step not in self._names:
            self._names[step] = text
            self.say(text)
        elif SECONDS.match(text):
            self._output.setdefault(step, deque(maxlen=KEPT_LINES)).append(SECONDS.sub("", text))

    def failure(self) -> str:
        """Of a build that failed: the step, its last lines, the reason, and what to do where that is known."""
        reason = self._reason or "the builder ended without a reason"
        lines = list(self._output.get(self._failed or "", ())) if self._failed else [*self._last]
        step = [f"  step    {self._names[self._failed]}"] if self._failed in self._names else []
        output = [f"  {line}" for line in lines]
        told = " ".join((reason, *lines))
        fix = [f"  fix     {found}"] if (found := way_out(told)) else []
        return "\n".join((*step, *output, f"  reason  {reason}", *fix))

    def _error(self, reason: str) -> None:
        self._reason = self._reason or reason
