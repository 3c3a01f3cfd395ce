"""Programs of several commits at the same time, each in a process of its own that knows nothing of this one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

#: What a program may see of this process: nothing that could hold a secret.
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "XDG_CACHE_HOME", "SSL_CERT_FILE")
SECONDS = 300
SERVER = Path(__file__).with_name("fork_programs.py")


@dataclass(frozen=True)
class Said:
    """How a program ended: ``code`` is None where it did not. Its words on standard error, else on standard output."""

    code: int | None
    words: str


@dataclass(frozen=True)
class Program:
    """One that was begun: the number that its server knows it by, and where its words go."""

    server: _Server
    number: int
    output: Path
    error: Path


@dataclass
class _Server:
    process: subprocess.Popen[str]
    begun: int = 0
    #: Number -> exit code, None of one that did not end in time; None while nobody has waited for them.
    codes: Mapping[int, int | None] | None = None


class Programs:
    """Begins ``python -m commands`` in folders; what still runs in the end is killed.

    Those of one interpreter come from one process, which has imported what they share.
    """

    def __init__(self, environment: Mapping[str, str], seconds: float = SECONDS) -> None:
        """``environment`` is theirs beside what is passed on; ``seconds`` are for all of them."""
        passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        self._environment = {**passed_on, **environment}
        self._servers: dict[str, _Server] = {}
        self._numbers = count()
        self._ends = time.monotonic() + seconds

    def __enter__(self) -> Self:
        self._words = tempfile.TemporaryDirectory()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers.values():
            if server.codes is None:
                _kill(server.process)
                server.process.communicate()
        self._words.cleanup()

    def begin(self, python: str, folder: Path, arguments: Sequence[str]) -> Program:
        """Begin one, at once."""
        server = self._servers.get(python)
        if server is None or server.codes is not None:
            server = self._servers[python] = _Server(self._started(python))
        output, error = (Path(self._words.name, f"{next(self._numbers)}") for _ in range(2))
        for file in (output, error):
            file.touch()
        program = Program(server, server.begun, output, error)
        line = json.dumps([str(path.absolute()) for path in (folder, program.output, program.error)] + [*arguments])
        assert server.process.stdin  # noqa: S101 - for the type checker
        # One that is gone already is found when it is waited for.
        with contextlib.suppress(BrokenPipeError):
            server.process.stdin.write(f"{line}\n")
            server.process.stdin.flush()
        server.begun += 1
        return program

    def said(self, program: Program) -> Said:
        """Wait for all that were begun by the same interpreter; how this one ended."""
        server = program.server
        if server.codes is None:
            server.codes = self._ended(server)
        code = server.codes[program.number]
        words = program.error.read_text(errors="replace") or program.output.read_text(errors="replace")
        return Said(code, words or f"it said nothing, and ended with {code}")

    def _started(self, python: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [python, SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self._environment,
            start_new_session=True,
        )  # fmt: skip

    def _ended(self, server: _Server) -> dict[int, int | None]:
        process, late = server.process, False
        try:
            told, _ = process.communicate(timeout=max(0.0, self._ends - time.monotonic()))
        except subprocess.TimeoutExpired:
            _kill(process)
            told, _ = process.communicate()
            late = True
        codes = {int(number): int(code) for number, code in (line.split() for line in told.splitlines())}
        return {number: codes.get(number, None if late else process.returncode or 1) for number in range(server.begun)}


def _kill(process: subprocess.Popen[str]) -> None:
    """With its whole group: its programs are no children of this process."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
