"""A checkout as it would be with an older Airflow: what its owner would have committed then."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from local.machine import Machine
from pipelines import releases
from tests.platform.commands import run

AIRFLOW = "3.1.8"
#: A day on which that was the newest: its stand-in is resolved on packages of then.
DAY = "2026-03-20"
MIRROR = Path("local/mirror/airflow")
INVENTORY = Path("images/bases/worker/inventory.txt")
LOCKED = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^\]]*\])?==([^ \\;]+)", re.MULTILINE)
#: What its packages do not fit: the Airflow of then brings some of them itself.
NOT_YET = ("images/lakehouse", "dags/lakehouse_summary", "dags/lakehouse_summary.yaml")


def make_older(clone: Path) -> None:
    """Change a clone of this repository to the older Airflow."""
    _replace(clone / "pipelines/releases.py", f'AIRFLOW = "{releases.AIRFLOW}"', f'AIRFLOW = "{AIRFLOW}"')
    _replace(clone / MIRROR / "requirements.in", releases.AIRFLOW, AIRFLOW)
    _replace(clone / MIRROR / "Dockerfile", f"AIRFLOW_VERSION={releases.AIRFLOW}", f"AIRFLOW_VERSION={AIRFLOW}")
    # It finds executors by alias or path only.
    for name in ("KubernetesExecutor", "LocalExecutor"):
        _replace(clone / "infra/runtime.py", f'"{name}": "', f'"{name}": "{name}:')
    _resolve(clone)
    done = run("images", "rebase", clone=clone)
    assert done.status == 0, done.output
    _take_inventory(clone)
    done = run("images", "lock", "salesforce", clone=clone)
    assert done.status == 0, done.output


def _resolve(clone: Path) -> None:
    lock, wanted = (str(MIRROR / f"requirements.{suffix}") for suffix in ("lock", "in"))
    where = ("--python-version", releases.PYTHON, "--python-platform", "x86_64-manylinux_2_28")
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet", "--no-header", "--generate-hashes"]
    # Not the lock that is there: its versions would be preferred.
    (clone / lock).unlink()
    subprocess.run(
        [*uv, *where, "--exclude-newer", DAY, wanted, "--output-file", lock],
        cwd=clone,
        env={**os.environ, "UV_CACHE_DIR": str(Machine.here().cache / "uv")},
        check=True,
    )


def _take_inventory(clone: Path) -> None:
    """What ``images lock --inventory`` would write, were the image there already."""
    locked = dict(LOCKED.findall((clone / MIRROR / "requirements.lock").read_text()))
    pip = next(line for line in (clone / INVENTORY).read_text().splitlines() if line.startswith("pip=="))
    lines = sorted([pip, *(f"{name}=={version}" for name, version in locked.items())])
    (clone / INVENTORY).write_text("\n".join([f"# of {releases.airflow_image(AIRFLOW)}", *lines, ""]))


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text, f"{old!r} is not in {file}"
    file.write_text(text.replace(old, new))
