"""What Airflow 3.2 imports in each process that it forks to parse one DAG file: serializing any DAG needs it."""

from __future__ import annotations

import functools
import importlib
import logging

log = logging.getLogger(__name__)

MODULES = (
    "airflow.providers.standard.operators.trigger_dagrun",
    "airflow.providers.standard.sensors.external_task",
    "airflow.timetables.trigger",
)


@functools.cache
def bring() -> None:
    """Import it here, once for all forks: a tenth of what a file costs."""
    for module in MODULES:
        try:
            importlib.import_module(module)
        except ImportError as error:
            # Another Airflow may do without: its forks import what they need.
            log.warning("%s is not there to be brought along: %s", module, error)
