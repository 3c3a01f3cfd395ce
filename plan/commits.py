"""The plan of any commit: its own program, under its own requirements, in a folder of its own; kept by tree."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from pydantic import ValidationError

from pipelines.errors import InputError, Problem
from plan.chart import VARIABLE, AtHand, chart_sha256
from plan.environments import python_for
from plan.explanation import Broken
from plan.folders import load
from plan.model import FILE, Plan
from plan.programs import SECONDS, Programs
from plan.stacks import stack_file
from plan.work_trees import files_of

CACHE = Path("build") / "plans"
KEPT = 20
#: Waits for a plan; None where there is no such stack.
Pending = Callable[[], Plan | Broken | None]


def commit_of(name: str) -> str:
    """The hash of a commit. Raises InputError where this clone holds none of that name."""
    found = _git("rev-parse", "--quiet", "--verify", "--end-of-options", f"{name}^{{commit}}")
    if not found:
        fix = "correct it; in a shallow clone fetch it first (actions/checkout: fetch-depth: 0)"
        raise InputError([Problem("BASE", "", repr(name), "a commit that this clone holds", fix)])
    return found.strip()


def plan_of(commit: str, stack: str, chart: AtHand | None = None) -> Plan | Broken | None:
    """The plan of a commit, from the cache where its tree was planned before; None where it has no such stack.

    Its program finds ``chart`` where one is given, and none else.
    """
    with _Plans(stack, chart) as plans:
        return plans.of(commit)()


def both(
    base: str, head: str | None, stack: str, folder: Path, chart: AtHand | None = None
) -> tuple[Plan | Broken | None, Plan | Broken | None]:
    """The plans of two commits at once; the second is the current folder, written to ``folder``, where it is None."""
    with _Plans(stack, chart) as plans:
        # It has its files already, and so is under way while those of the other are laid out.
        after = plans.of(head) if head else plans.here(folder)
        before = plans.of(base)
        return before(), after()


class _Plans(ExitStack):
    """Begins plans; each is a function that waits for it."""

    def __init__(self, stack: str, chart: AtHand | None) -> None:
        super().__init__()
        self._stack, self._chart = stack, chart
        self._programs = self.enter_context(Programs({VARIABLE: str(chart.path.absolute())} if chart else {}))

    def of(self, commit: str) -> Pending:
        tree = (_git("rev-parse", f"{commit}^{{tree}}") or "").strip()
        if not _git("cat-file", "-e", f"{tree}:{stack_file(self._stack)}", check_only=True):
            return lambda: None
        kept = chart_sha256(self._chart.path)[:8] if self._chart else "no-chart"
        folder = CACHE / f"{tree}-{self._stack}-{kept}"
        if (folder / FILE).exists():
            folder.touch()
            return lambda: _read(folder)
        return self._begin(self.enter_context(files_of(commit)), folder)

    def here(self, folder: Path) -> Pending:
        """Of the current folder as it stands, committed or not."""
        return self._begin(Path(), folder) if Path(stack_file(self._stack)).exists() else lambda: None

    def _begin(self, root: Path, folder: Path) -> Pending:
        """Let the program of ``root`` write its own plan."""
        try:
            python = python_for(root, CACHE)
        except InputError as error:
            broken = Broken(_told(str(error), root))
            return lambda: broken
        arguments = ("plan", "write", "--stack", self._stack, "--to", str(folder.absolute()))
        program = self._programs.begin(python, root, arguments)

        def ended() -> Plan | Broken:
            said = self._programs.said(program)
            if said.code is None:
                return Broken(f"the program did not end within {SECONDS} s")
            if said.code:
                return Broken(_told(said.words, root))
            _forget_oldest()
            return _read(folder)

        return ended


def _read(folder: Path) -> Plan | Broken:
    try:
        return load(folder)
    except (ValidationError, OSError, ValueError):
        return Broken("its plan.json is of another version than this one reads")


def _told(message: str, root: Path) -> str:
    """The program's own words: of a traceback where it was raised and what."""
    lines = [line for line in message.replace(f"{root.absolute()}/", "").splitlines() if line.strip()]
    if not any(line.startswith("Traceback ") for line in lines):
        return "\n".join(lines[-200:])
    places = [line for line in lines if line.lstrip().startswith("File ") and "site-packages" not in line]
    ours = [line for line in places if "<frozen" not in line and "/lib/python" not in line]
    return "\n".join((*(ours or places)[-1:], lines[-1]))


def _forget_oldest() -> None:
    kept = sorted(CACHE.glob("[0-9a-f]*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for folder in kept[KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)


def _git(*arguments: str, check_only: bool = False) -> str | None:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    return None if done.returncode else (done.stdout or "" if not check_only else "yes")
