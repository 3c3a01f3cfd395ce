"""A Python environment with the real Airflow and dag-factory, kept in the user's cache beside that of the tests."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from local.machine import Machine

REQUIREMENTS = Path(__file__).with_name("dag-factory.txt")
# The platform's Airflow image is made of these very versions; what only dag-factory needs is taken from the same day.
LOCK = Path(__file__).resolve().parent.parent / "local/mirror/airflow/requirements.lock"
LATEST = "2026-06-01"


def python() -> Path:
    """Its interpreter; made on first use, in about a minute. Raises RuntimeError when that fails."""
    text = "\n".join((LOCK.read_text(), LATEST, REQUIREMENTS.read_text(), sys.version))
    base = Machine.here().cache / "parse-environment"
    folder = base / hashlib.sha256(text.encode()).hexdigest()[:16]
    base.mkdir(parents=True, exist_ok=True)
    with (base / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            for old in base.iterdir():
                if old.is_dir():
                    shutil.rmtree(old)
            _make(folder)
            (folder / "ready").touch()
    return folder / "bin/python"


def variables(home: Path) -> dict[str, str]:
    """The environment of a process there; ``home`` becomes AIRFLOW_HOME. dag-factory is not to call home."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "PYTHON"))}
    return {
        **kept,
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


def _make(folder: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    environment = {**os.environ, "UV_CACHE_DIR": str(Machine.here().cache / "uv")}
    install = ["pip", "install", "--quiet", "--compile-bytecode", "--python", str(folder / "bin/python")]
    for arguments in (
        ["venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
        [*install, "--exclude-newer", LATEST, "--constraint", str(LOCK), "--requirement", str(REQUIREMENTS)],
    ):
        done = subprocess.run([str(uv), *arguments], env=environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"uv {arguments[0]} failed: {done.stderr.strip()}")
