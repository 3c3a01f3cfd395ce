"""A Python environment with the real Airflow, for tests: made once, kept in the user's cache, keyed by what it
holds."""

from __future__ import annotations

import functools
import os
import subprocess
import tomllib
from pathlib import Path

from local import mounted_runtime
from local.python_environment import kept
from pipelines import releases

ROOT = Path(__file__).parents[1]
# The platform's Airflow image is made of these very versions, for its Python; what only this Python needs is taken
# from the same day.
LOCK = ROOT / "local/mirror/airflow/requirements.lock"
LATEST = "2026-06-01"
#: Of one call, on a machine that is busy: what hangs is told, and not waited for.
LONGEST_SECONDS = 900
WANTED = (
    f"apache-airflow[google-auth]=={releases.AIRFLOW}",
    "apache-airflow-providers-amazon",
    "apache-airflow-providers-cncf-kubernetes",
    "apache-airflow-providers-fab",
    "apache-airflow-providers-postgres",
    "apache-airflow-providers-standard",
    "moto[server]==5.2.1",
    "pytest==9.0.3",
)
# The libraries of the DAGs' own images, for the tests of their tasks.
TASK_IMAGES = ("cost-of-living", "lakehouse")


@functools.cache
def airflow_python() -> Path:
    """The environment's interpreter; made on first use, in about a minute, from PyPI."""
    libraries = _task_libraries()
    installs = (["--exclude-newer", LATEST, "--constraint", str(LOCK), *WANTED], libraries)
    holds = (LOCK.read_text(), LATEST, *WANTED, *libraries)
    return kept("airflow-environment", holds, installs, "Airflow for the tests")


def checks_pass(file: Path, home: Path, **variables: str) -> None:
    """Run one file of checks with the environment's pytest; its output is the assertion's message."""
    options = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "-o", "python_files=check_*.py"]
    # Beyond its own folder lie the conftests of another environment.
    inside = ["--rootdir", str(file.parent), "--confcutdir", str(file.parent)]
    done = run(["-m", "pytest", *options, *inside, str(file)], home, **variables)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def run(arguments: list[str], home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the environment's Python with the runtime mounted as Airflow's pods have it; ``home`` becomes
    AIRFLOW_HOME."""
    python = airflow_python()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "AWS_"))}
    environment |= {
        "AIRFLOW_HOME": str(home),
        "MPLCONFIGDIR": str(home),
        "PYTHONPATH": str(mounted_runtime.link(home / "runtime")),
        "PYTHONDONTWRITEBYTECODE": "",
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # The first file pays for all imports, on a machine that may be busy with other tests.
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "300",
        "AIRFLOW__CORE__EXECUTOR": "KubernetesExecutor,LocalExecutor",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(home / "bundles"),
        **variables,
    }
    return subprocess.run(
        [str(python), *arguments],
        cwd=home,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST_SECONDS,
    )


def _task_libraries() -> list[str]:
    projects = (ROOT / "images" / name / "pyproject.toml" for name in TASK_IMAGES)
    wanted = [pin for file in projects for pin in tomllib.loads(file.read_text())["project"]["dependencies"]]
    # Airflow brings its own.
    return [pin for pin in wanted if not pin.startswith("boto3==")]
