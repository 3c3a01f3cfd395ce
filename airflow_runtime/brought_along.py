"""What Airflow 3.2 would do anew in each process that it forks to parse one DAG file, done once before it forks.

Serializing any DAG imports modules. And what is done for the first time is dear: Airflow fills its caches, Python
adapts its code to what it meets, and each of these writes copies a page of memory that a fork shares with its parent.
"""

from __future__ import annotations

import functools
import gc
import importlib
import logging
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

log = logging.getLogger(__name__)

MODULES = (
    "airflow.providers.standard.operators.trigger_dagrun",
    "airflow.providers.standard.sensors.external_task",
    "airflow.timetables.trigger",
)
# Python has adapted a function after a few calls.
REHEARSALS = 10


def bring() -> None:
    """Called before forks: imports at the first call, and rehearses what the files seen since the last one use."""
    _import()
    for module in PARTS:
        if module in sys.modules:
            _rehearse(module)


@functools.cache
def _import() -> None:
    for module in MODULES:
        try:
            importlib.import_module(module)
        except ImportError as error:
            # Another Airflow may do without: its forks import what they need.
            log.warning("%s is not there to be brought along: %s", module, error)


@functools.cache
def _rehearse(module: str) -> None:
    """An eighth of what a file costs."""
    try:
        for _ in range(REHEARSALS):
            _serialize_dag_of(PARTS[module])
    except Exception as error:
        # The files are parsed all the same.
        log.warning("what %s is for could not be rehearsed: %s", module, error)
    # DAGs are rings of objects, and would otherwise be in every fork.
    gc.collect()


def _serialize_dag_of(make: Callable[[str], Any]) -> None:
    from airflow.sdk import DAG
    from airflow.serialization.serialized_objects import DagSerialization

    with DAG(
        dag_id="rehearsal",
        schedule="@daily",
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        default_args={"owner": "airflow", "retries": 1, "retry_delay": timedelta(seconds=60)},
    ) as dag:
        make("first") >> make("second")
    DagSerialization.to_dict(dag)


def _python_task(name: str) -> Any:
    from airflow.providers.standard.operators.python import PythonOperator

    return PythonOperator(task_id=name, python_callable=print, op_args=["{}"])


def _worker_pod_task(name: str) -> Any:
    from airflow.providers.standard.operators.python import PythonOperator
    from kubernetes.client import models

    spec = models.V1PodSpec(containers=[models.V1Container(name="base", env=[{"name": "NAME", "value": name}])])
    override = models.V1Pod(spec=spec)
    return PythonOperator(task_id=name, python_callable=print, executor_config={"pod_override": override})


def _pod_task(name: str) -> Any:
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

    return KubernetesPodOperator(
        task_id=name,
        name=name,
        image="rehearsal",
        env_vars=[{"name": "NAME", "value": name}],
        container_resources={"limits": {"cpu": "1"}},
        image_pull_secrets=[{"name": "registry"}],
        security_context={"runAsNonRoot": True},
        deferrable=True,
    )


#: Module that a file of such tasks has had imported -> the task.
PARTS: Mapping[str, Callable[[str], Any]] = {
    "airflow.providers.standard.operators.python": _python_task,
    "airflow.providers.cncf.kubernetes.pod_generator": _worker_pod_task,
    "airflow.providers.cncf.kubernetes.operators.pod": _pod_task,
}
