"""A scheduler that starts holds tasks in its session while the executor looks for pods to take over."""

import os
import subprocess
import sys

import pytest
from airflow import settings
from airflow.jobs.job import Job
from airflow.models.base import Base
from airflow.providers.cncf.kubernetes.executors import kubernetes_executor
from airflow.utils.session import create_session

from airflow_runtime.kubernetes_executor import KubernetesExecutor

PATH = "airflow_runtime.kubernetes_executor.KubernetesExecutor"


@pytest.fixture(scope="module", autouse=True)
def database():
    Base.metadata.tables["job"].create(settings.engine, checkfirst=True)


@pytest.mark.parametrize(
    ("executor", "held"),
    [(KubernetesExecutor, True), (kubernetes_executor.KubernetesExecutor, False)],
    ids=["ours", "airflow's"],
)
def test_what_the_scheduler_holds_stays_in_its_session(executor, held):
    with create_session() as session:
        mine, other = (Job(job_type="SchedulerJob", state="running") for _ in range(2))
        for job in (mine, other):
            session.add(job)
        session.flush()
        other.latest_heartbeat = mine.latest_heartbeat
        session.commit()
        assert mine in session
        asked = executor()
        asked.scheduler_job_id = str(mine.id)
        assert other.id in asked._alive_other_scheduler_job_ids()
        assert (mine in session) == held
    with create_session() as session:
        session.query(Job).delete()


def test_dag_files_go_on_to_say_kubernetes_executor():
    script = (
        "from airflow.executors.executor_loader import ExecutorLoader as loader\n"
        "found = loader.lookup_executor_name_by_str('KubernetesExecutor')\n"
        "print(found.module_path, loader.import_executor_cls(found)[0].__module__)\n"
    )
    setting = f"{PATH},airflow_runtime.local_executor.LocalExecutor"
    environment = {**os.environ, "AIRFLOW__CORE__EXECUTOR": setting}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.stdout.split() == [PATH, "airflow_runtime.kubernetes_executor"], done.stderr
