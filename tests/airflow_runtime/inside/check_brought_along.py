"""What is brought along is just what a fork that parses a DAG file would import, and is there."""

import json
import subprocess
import sys

import pytest

from airflow_runtime import brought_along

SERIALIZE = """
import json, sys
from datetime import datetime
import airflow.dag_processing.processor
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization
{first}
with DAG("one", schedule="@daily", start_date=datetime(2026, 1, 1)) as dag:
    KubernetesPodOperator(task_id="one", image="one")
before = set(sys.modules)
DagSerialization.to_dict(dag)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def imported(first):
    done = subprocess.run([sys.executable, "-c", SERIALIZE.format(first=first)], capture_output=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_serializing_a_dag_imports_nothing_that_was_not_brought():
    assert set(brought_along.MODULES) <= set(imported(""))
    assert imported("from airflow_runtime import brought_along; brought_along.bring()") == []


REHEARSED = """
import gc, json, sys
from airflow_runtime import brought_along
{first}
made = []
def counted(module, make):
    return lambda name: made.append(module) or make(name)
brought_along.PARTS = {{module: counted(module, make) for module, make in brought_along.PARTS.items()}}
brought_along.bring()
brought_along.bring()
from airflow.sdk import DAG
from airflow.sdk.definitions._internal.contextmanager import DagContext
dags = [one for one in gc.get_objects() if type(one) is DAG]
print(json.dumps([{{one: made.count(one) for one in made}}, len(dags), DagContext.get_current_dag() is None]))
"""
PYTHON = "airflow.providers.standard.operators.python"
OVERRIDE = "airflow.providers.cncf.kubernetes.pod_generator"
POD = "airflow.providers.cncf.kubernetes.operators.pod"


@pytest.mark.parametrize(
    ("module", "parts"), [(PYTHON, {PYTHON}), (OVERRIDE, {PYTHON, OVERRIDE}), (POD, {PYTHON, OVERRIDE, POD})]
)
def test_what_files_use_is_rehearsed_once_and_leaves_no_dag(module, parts):
    first = f"import {PYTHON}, {module}"
    done = subprocess.run([sys.executable, "-c", REHEARSED.format(first=first)], capture_output=True, check=True)
    made, dags, outside = json.loads(done.stdout.splitlines()[-1])
    assert made == dict.fromkeys(parts, 2 * brought_along.REHEARSALS)
    assert dags == 0
    assert outside


def test_what_another_airflow_does_not_have_is_told_and_left(monkeypatch, capsys):
    monkeypatch.setattr(brought_along, "MODULES", ("airflow.no_such_module", "airflow.timetables.trigger"))
    brought_along._import.__wrapped__()
    assert "airflow.no_such_module" in capsys.readouterr().out


def test_what_another_airflow_does_otherwise_is_told_and_left(monkeypatch, caplog):
    def make(name):
        raise TypeError("no such argument")

    monkeypatch.setattr(brought_along, "PARTS", {"json": make})
    brought_along.bring()
    assert "what json is for could not be rehearsed: no such argument" in caplog.text
