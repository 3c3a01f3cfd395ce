"""What is brought along is just what a fork that parses a DAG file would import, and is there."""

import json
import subprocess
import sys

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


def test_what_another_airflow_does_not_have_is_told_and_left(monkeypatch, capsys):
    monkeypatch.setattr(brought_along, "MODULES", ("airflow.no_such_module", "airflow.timetables.trigger"))
    brought_along.bring.__wrapped__()
    assert "airflow.no_such_module" in capsys.readouterr().out
