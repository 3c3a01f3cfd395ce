"""A Python environment with the real Airflow and dag-factory, kept in the user's cache beside that of the tests."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from pathlib import Path

from local import mounted_runtime
from local.python_environment import kept, python_of
from pipelines import releases

REQUIREMENTS = Path(__file__).with_name("dag-factory.txt")
# The platform's Airflow image is made of these very versions; what only dag-factory needs is taken from the same day.
ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "local/mirror/airflow/requirements.lock"
LATEST = "2026-06-01"


@functools.cache
def python() -> Path:
    """Its interpreter; made on first use, in about a minute. Raises RuntimeError when that fails.

    Of the Python that Airflow's image has, where this machine has it: objects are made at another cost in each.
    """
    holds = (LOCK.read_text(), LATEST, REQUIREMENTS.read_text())
    pinned = ["--exclude-newer", LATEST, "--constraint", str(LOCK), "--requirement", str(REQUIREMENTS)]
    return kept(
        "parse-environment",
        holds,
        [["--compile-bytecode", *pinned]],
        "Airflow and dag-factory",
        python_of(releases.PYTHON) or sys.executable,
    )


def python_version() -> str:
    """Such as 3.13.0."""
    asked = [str(python()), "-c", "import platform; print(platform.python_version())"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def variables(home: Path) -> dict[str, str]:
    """The environment of a process there; ``home`` becomes AIRFLOW_HOME. dag-factory is not to call home."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "PYTHON"))}
    return {
        **kept,
        # Whatever is parsed, it is by an Airflow as its pods have it.
        "PYTHONPATH": str(mounted_runtime.link(home / "runtime")),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__EXECUTOR": "KubernetesExecutor,LocalExecutor",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "300",
        "AIRFLOW__DAG_FACTORY__ENABLE_TELEMETRY": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "DO_NOT_TRACK": "true",
        "SCARF_NO_ANALYTICS": "true",
    }
