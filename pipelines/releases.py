"""Which Airflow, Python, chart and base images this checkout runs: named here, and nowhere else by hand.

Stacks take their defaults from here, ``images rebase`` has images/bases stand on what ``BASES`` names, and a test holds
the one-machine platform's stand-ins to it. Another version is a commit that changes a line here.
"""

from __future__ import annotations

AIRFLOW = "3.2.2"
PYTHON = "3.13"
CHART = "1.22.0"
DEBIAN = "trixie"

AIRFLOW_REPOSITORY = "apache/airflow"
PYTHON_IMAGE = f"python:{PYTHON}-slim-{DEBIAN}"


def airflow_image(airflow: str = AIRFLOW, python: str = PYTHON, repository: str = AIRFLOW_REPOSITORY) -> str:
    """The reference of Airflow's own image: ``apache/airflow:3.2.2-python3.13``."""
    return f"{repository}:{airflow}-python{python}"


#: Folder below images/ -> the image of others that it stands on.
BASES = {
    "bases/elyra-conda": "continuumio/anaconda3:2024.10-1",
    "bases/task": PYTHON_IMAGE,
    "bases/worker": airflow_image(),
}
