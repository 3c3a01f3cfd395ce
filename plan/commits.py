"""The plan of any commit: its own program, under its own requirements, in a work tree of its own; kept by tree."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from pipelines.errors import InputError, Problem
from plan.explanation import Broken
from plan.folders import load
from plan.model import FILE, Plan
from plan.stack_settings import stack_file

REQUIREMENTS = ("requirements.txt", "requirements-aws.txt", "requirements-dev.txt")
CACHE = Path("build") / "plans"
KEPT = 20
#: What a plan of another commit may see of this process: nothing that could hold a secret.
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "AIRFLOW_CHART", "XDG_CACHE_HOME", "SSL_CERT_FILE")
SECONDS = 300


def commit_of(name: str) -> str:
    """The hash of a commit. Raises InputError where this clone holds none of that name."""
    found = _git("rev-parse", "--quiet", "--verify", "--end-of-options", f"{name}^{{commit}}")
    if not found:
        fix = "correct it; in a shallow clone fetch it first (actions/checkout: fetch-depth: 0)"
        raise InputError([Problem("BASE", "", repr(name), "a commit that this clone holds", fix)])
    return found.strip()


def plan_of(commit: str, stack: str) -> Plan | Broken | None:
    """The plan of a commit, from the cache where its tree was planned before; None where it has no such stack."""
    tree = (_git("rev-parse", f"{commit}^{{tree}}") or "").strip()
    if not _git("cat-file", "-e", f"{tree}:{stack_file(stack)}", check_only=True):
        return None
    folder = CACHE / f"{tree}-{stack}-{_surroundings()}"
    if (folder / FILE).exists():
        folder.touch()
        return load(folder)
    with work_tree(commit) as root:
        found = run(root, stack, folder)
    _forget_oldest()
    return found


def both(base: str, head: str | None, stack: str, folder: Path) -> tuple[Plan | Broken | None, Plan | Broken | None]:
    """The plans of two commits at once; the second is the current folder, written to ``folder``, where it is None."""
    with ThreadPoolExecutor(2) as at_once:
        before = at_once.submit(plan_of, base, stack)
        after = at_once.submit(plan_of, head, stack) if head else at_once.submit(plan_here, stack, folder)
        return before.result(), after.result()


def plan_here(stack: str, folder: Path) -> Plan | Broken | None:
    """The plan of the current folder as it stands, committed or not."""
    return run(Path(), stack, folder) if Path(stack_file(stack)).exists() else None


def run(root: Path, stack: str, folder: Path) -> Plan | Broken:
    """Let the program of ``root`` write its own plan, in a process of its own."""
    python = python_for(root)
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    command = [python, "-m", "commands", "plan", "write", "--stack", stack, "--to", str(folder.absolute())]
    try:
        done = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, errors="replace", timeout=SECONDS,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Broken(f"the program did not end within {SECONDS} s")
    if done.returncode:
        return Broken(_told(done.stderr or done.stdout, root))
    try:
        return load(folder)
    except (ValidationError, OSError, ValueError):
        return Broken("its plan.json is of another version than this one reads")


def python_for(root: Path) -> str:
    """This interpreter where the requirements are the same, else one of a virtual environment made for those."""
    if _requirements(root) == _requirements(Path()):
        return sys.executable
    folder = CACHE / f"venv-{hashlib.sha256(_requirements(root)).hexdigest()[:16]}"
    python = folder / "bin" / "python"
    if not python.exists():
        uv = Path(sys.executable).with_name("uv")
        wanted = root / REQUIREMENTS[-1]
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True, capture_output=True)
            install: list[str | Path] = [uv, "pip", "install", "--quiet", "--python", python, "--requirement", wanted]
            subprocess.run(install, check=True, capture_output=True, text=True, cwd=root)
        except subprocess.CalledProcessError as error:
            shutil.rmtree(folder, ignore_errors=True)
            problem = str(error.stderr or "").strip()[-2000:] or str(error)
            expected = "requirements that can be installed"
            raise InputError([Problem(REQUIREMENTS[-1], "", problem, expected, "see the message")]) from None
    return str(python.absolute())


@contextmanager
def work_tree(commit: str) -> Iterator[Path]:
    """A work tree of the commit, gone afterwards; no hook of the repository runs."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "tree"
        done = subprocess.run(
            ["git", "-c", "core.hooksPath=/dev/null", "worktree", "add", "--detach", "--force", str(root), commit],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise InputError([Problem("BASE", "", done.stderr.strip(), "a commit to check out", "see git's message")])
        try:
            yield root
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(root)], capture_output=True, check=False)


def _requirements(root: Path) -> bytes:
    return b"\0".join((root / name).read_bytes() if (root / name).exists() else b"" for name in REQUIREMENTS)


def _surroundings() -> str:
    """What beside the tree decides a plan: the chart at hand."""
    chart = os.environ.get("AIRFLOW_CHART", "")
    return hashlib.sha256(chart.encode()).hexdigest()[:8] if chart and Path(chart).exists() else "no-chart"


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
