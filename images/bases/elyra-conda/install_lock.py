#!/usr/bin/env python3
"""Installs /run/requirements.lock into an image: by hash, without tests, with byte code that is valid by hash.

The release's packages in a worker image must stay as they are: where the lock would replace one, the build ends. So it
does where a package of the lock does not fit to them: the lock was resolved under inventory.txt, and images differ.
``--everything`` also compiles what stood there before, the standard library with it. Nothing that it writes depends on
the moment: byte code comes from a fixed hash seed, in a fixed order, in two fixed halves, since what the marshaller
writes depends on what its process compiled before. The same file stands in both bases; a test compares them.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import py_compile
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from pathlib import Path

LOCK = "/run/requirements.lock"
INVENTORY = Path("/usr/local/share/inventory.txt")
#: Who has it is a worker image.
RELEASE = "apache-airflow-core"
HALVES = 2
CHILD = "--from-stdin"
#: Of the standard library, what no task imports.
LEFT_OUT = {"test", "tests", "idlelib", "lib2to3", "tkinter", "ensurepip", "turtledemo"}


def main() -> None:
    before = versions()
    unfit = check() if RELEASE in before else set()
    install()
    after = versions()
    if RELEASE in before:
        refuse_replaced(before, after)
        refuse_unfit(before, check() - unfit)
    added = [found for found in distributions() if before.get(found.name) != found.version]
    modules = without_tests(added)
    if "--everything" in sys.argv[1:]:
        modules |= standing()
    compile_in_halves(
        sorted(path for path in modules if not Path(importlib.util.cache_from_source(str(path))).exists())
    )


def versions() -> dict[str, str]:
    """Distribution -> version of all that is installed."""
    return {found.name: found.version for found in distributions()}


def install() -> None:
    """Source distributions only where a line of the lock says --no-binary."""
    cache = Path(pwd.getpwuid(os.getuid()).pw_dir, ".cache", "pip")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--cache-dir", str(cache)),
            *("--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-compile", "--requirement", LOCK),
        ],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PIP_ROOT_USER_ACTION": "ignore"},
        check=True,
    )


def refuse_replaced(before: dict[str, str], after: dict[str, str]) -> None:
    replaced = [
        f"{name} {version} by {after.get(name)}" for name, version in before.items() if after.get(name) != version
    ]
    if replaced:
        sys.exit(f"install-lock: the lock replaces packages of the release: {', '.join(sorted(replaced))}")


def check() -> set[str]:
    """What pip finds missing or of a wrong version, a line each."""
    command = [sys.executable, "-m", "pip", "check", "--disable-pip-version-check"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return set(told.stdout.splitlines()) if told.returncode else set()


def refuse_unfit(before: dict[str, str], unfit: set[str]) -> None:
    """``before`` tells how the image differs from the inventory that the lock was resolved under."""
    listed = dict(line.split("==", 1) for line in INVENTORY.read_text().split() if "==" in line)
    here = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in before.items()}
    differ = [
        f"{name} is {here.get(name)}, not {version}" for name, version in listed.items() if here.get(name) != version
    ]
    if unfit:
        other = f"; the image is not as inventory.txt says: {', '.join(differ)}" if differ else ""
        sys.exit(f"install-lock: the lock does not fit to the release: {', '.join(sorted(unfit))}{other}")


def without_tests(added: Iterable[Distribution]) -> set[Path]:
    """The modules of these distributions, once their own tests, a fifth of the bytes, are gone."""
    modules = {Path(str(found.locate_file(file))).resolve() for found in added for file in found.files or ()}
    tests = {parent for path in modules for parent in path.parents if parent.name == "tests"}
    for folder in sorted(folder for folder in tests if (folder / "__init__.py").exists()):
        shutil.rmtree(folder, ignore_errors=True)
    return {path for path in modules if path.suffix == ".py" and path.exists()}


def standing() -> set[Path]:
    """Modules of the standard library and of all installed packages."""
    roots = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")}
    return {path for root in roots for path in root.rglob("*.py") if not LEFT_OUT & set(path.parts)}


def compile_in_halves(modules: list[Path]) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, __file__, CHILD]
    halves = [subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, text=True) for _ in range(HALVES)]
    for number, half in enumerate(halves):
        assert half.stdin is not None  # noqa: S101 - for the type checker
        half.stdin.write("\n".join(map(str, modules[number::HALVES])))
        half.stdin.close()
    codes = [half.wait() for half in halves]
    if any(codes):
        sys.exit("install-lock: byte code could not be written")


def compile_all(modules: list[str]) -> None:
    for module in modules:
        try:
            py_compile.compile(module, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
        except py_compile.PyCompileError:
            continue  # Templates and code for other versions of Python: importing them fails just the same.


if __name__ == "__main__":
    compile_all(sys.stdin.read().splitlines()) if sys.argv[1:] == [CHILD] else main()
