"""Imports once what every program imports, then runs programs, each in a fork: two of them share that work.

``python fork_programs.py``: as a file, by an interpreter that knows nothing of this repository, since each program
brings its own modules. Each line on standard input is a JSON list: the program's folder, files for its standard output
and standard error, and its arguments; it begins at once. When no line is left, a line on standard output tells of each
that ends: its number, from 0, and exit code.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import subprocess
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

#: Of the requirements what a plan imports, as far as it is installed.
SHARED = (
    "asyncio",
    "jinja2",
    "packaging.requirements",
    "pathspec",
    "pulumi.runtime.mocks",
    "pulumi_docker_build",
    "pulumi_kubernetes.apps.v1",
    "pulumi_kubernetes.batch.v1",
    "pulumi_kubernetes.core.v1",
    "pulumi_kubernetes.helm.v3",
    "pulumi_kubernetes.networking.v1",
    "pulumi_kubernetes.rbac.v1",
    "pulumi_random",
    "pydantic",
    "requests",
    "typer",
    "yaml",
)
MODULE = "commands"
#: Objects before the youngest are looked through, and how often before the older ones are.
SELDOM = (100_000, 20, 20)
#: Elsewhere not every library survives a fork.
FORKS = sys.platform == "linux"


def main() -> None:
    # Its first entry is this file's folder.
    del sys.path[0]
    if FORKS:
        import_shared()
    begin = forked if FORKS else spawned
    numbers: dict[int, int] = {}
    for number, line in enumerate(sys.stdin):
        numbers[begin(*json.loads(line))] = number
    while numbers:
        process, status = os.wait()
        print(numbers.pop(process), os.waitstatus_to_exitcode(status), flush=True)


def import_shared() -> None:
    # A plan ends before much of it is garbage, and looking for that takes a good part of its time.
    gc.set_threshold(*SELDOM)
    for name in SHARED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    # What is there stays: no fork need look at it, and copy it by that.
    gc.collect()
    gc.freeze()


def forked(folder: str, output: str, error: str, *arguments: str) -> int:
    """The process's number."""
    process = os.fork()
    if not process:
        os._exit(run(folder, output, error, arguments))
    return process


def spawned(folder: str, output: str, error: str, *arguments: str) -> int:
    """As ``forked``, sharing nothing."""
    command = [sys.executable, "-m", MODULE, *arguments]
    with Path(output).open("wb") as out, Path(error).open("wb") as err:
        return subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err).pid


def run(folder: str, output: str, error: str, arguments: Sequence[str]) -> int:
    """The program of a folder, as ``python -m`` runs it; its exit code."""
    for number, path, mode in ((0, os.devnull, os.O_RDONLY), (1, output, os.O_WRONLY), (2, error, os.O_WRONLY)):
        file = os.open(path, mode)
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    sys.path.insert(0, folder)
    sys.argv[1:] = arguments
    try:
        runpy.run_module(MODULE, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = _exit_code(end.code)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _exit_code(code: object) -> int:
    if code is None or isinstance(code, int):
        return int(code or 0) & 0xFF
    print(code, file=sys.stderr)
    return 1


if __name__ == "__main__":
    main()
