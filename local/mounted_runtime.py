"""``airflow_runtime`` for an Airflow of this machine, as Airflow's pods have it mounted."""

from __future__ import annotations

from pathlib import Path

RUNTIME = Path(__file__).parents[1] / "airflow_runtime"
#: Airflow imports its local settings by their name alone.
MOUNTED = (RUNTIME, RUNTIME / "airflow_local_settings.py")


def link(folder: Path) -> Path:
    """The folder, made where it is not there, to be PYTHONPATH."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in MOUNTED:
        mounted = folder / path.name
        if not mounted.is_symlink():
            mounted.symlink_to(path)
    return folder
