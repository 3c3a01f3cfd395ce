"""What parsing DAG files costs in a real Airflow, as its DAG processor does it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from local import mounted_runtime
from local.machine import Machine
from pipelines.errors import InputError, Problem

PYTHON_VARIABLE = "AIRFLOW_PYTHON"
NOT_MEASURED = f"parsing: not measured, no Python with Airflow here; name one with {PYTHON_VARIABLE}=<path>"
INSIDE = Path(__file__).with_name("parse_in_airflow.py")
SECONDS = 600


@dataclass(frozen=True)
class ParseTimes:
    """CPU milliseconds and import errors by file; ``airflow`` is the version that parsed them."""

    airflow: str
    milliseconds: Mapping[str, float]
    errors: Mapping[str, str]

    @property
    def seconds(self) -> float:
        return sum(self.milliseconds.values()) / 1000


def airflow_python() -> Path | None:
    """The Python that AIRFLOW_PYTHON names, or that of the environment that this project's tests have made.

    Raises InputError where the variable names none.
    """
    if named := os.environ.get(PYTHON_VARIABLE):
        if not os.access(named, os.X_OK):
            fix = f"unset it, or set {PYTHON_VARIABLE}=<environment>/bin/python"
            raise InputError([Problem("environment", PYTHON_VARIABLE, named, "a Python with Airflow", fix)])
        return Path(named)
    ready = (Machine.here().cache / "airflow-environment").glob("*/ready")
    return next((file.with_name("bin") / "python" for file in sorted(ready)), None)


def measure(python: Path, files: Mapping[str, bytes], executors: Sequence[str]) -> ParseTimes:
    """Load and serialize each DAG file of a tree, in a process of its own. Raises InputError when Airflow does not
    start."""
    with TemporaryDirectory(prefix="dag-parsing-") as folder:
        tree, home, mounted = (Path(folder) / name for name in ("tree", "home", "runtime"))
        for path, content in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_bytes(content)
        mounted_runtime.link(mounted)
        # A script's own folder is on its path: here modules of ours would stand before Python's.
        script = shutil.copy(INSIDE, mounted)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON"))}
        environment |= {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__EXECUTOR": ",".join(executors),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "PYTHONPATH": str(mounted),
        }
        try:
            done = subprocess.run(
                [str(python), script, str(tree)],
                env=environment,
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise InputError([_no_airflow(python, str(error))]) from None
        try:
            report = json.loads("{" + done.stdout.rpartition("\n{")[2])
        except ValueError:
            raise InputError([_no_airflow(python, (done.stderr.strip() or "no answer").splitlines()[-1])]) from None
    return ParseTimes(report["airflow"], report["milliseconds"], report["errors"])


def _no_airflow(python: Path, found: str) -> Problem:
    fix = f"name another Python with {PYTHON_VARIABLE}, or go without: --no-parse"
    return Problem(str(python), "", found[:200], f"a Python with Airflow, not {sys.version.split()[0]} alone", fix)
