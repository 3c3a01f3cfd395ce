"""Byte code for every module that has none yet, so that no pod compiles at its start.

Its bytes depend on the sources alone: validity by hash instead of time, a fixed hash seed, and a fixed order in two
fixed halves, since what the marshaller writes depends on what its process compiled before.
"""

from __future__ import annotations

import importlib.util
import os
import py_compile
import subprocess
import sys
import sysconfig
from pathlib import Path

HALVES = 2
CHILD = "--from-stdin"
LEFT_OUT = {"test", "tests", "idlelib", "lib2to3", "tkinter", "ensurepip", "turtledemo"}


def without_bytecode() -> list[Path]:
    """Modules of the standard library and of the installed packages, sorted."""
    roots = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")}
    modules = {path for root in roots for path in root.rglob("*.py") if not LEFT_OUT & set(path.parts)}
    return sorted(path for path in modules if not Path(importlib.util.cache_from_source(path)).exists())


def compile_all(modules: list[str]) -> None:
    for module in modules:
        try:
            py_compile.compile(module, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
        except py_compile.PyCompileError:
            continue  # Templates and code for other versions of Python: importing them fails just the same.


def main() -> None:
    modules = [str(path) for path in without_bytecode()]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, __file__, CHILD]
    halves = [subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, text=True) for _ in range(HALVES)]
    for number, half in enumerate(halves):
        assert half.stdin is not None  # noqa: S101 - for the type checker
        half.stdin.write("\n".join(modules[number::HALVES]))
        half.stdin.close()
    codes = [half.wait() for half in halves]
    if any(codes):
        sys.exit("compile_bytecode: failed")


if __name__ == "__main__":
    compile_all(sys.stdin.read().splitlines()) if sys.argv[1:] == [CHILD] else main()
