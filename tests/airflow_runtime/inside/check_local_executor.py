"""The executor with real worker processes, and with the scheduler's own reading of its events."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from airflow.executors import local_executor
from airflow.executors.workloads import ExecuteTask
from airflow.models.taskinstancekey import TaskInstanceKey
from airflow.utils.state import TaskInstanceState

from airflow_runtime.local_executor import LocalExecutor

PATH = "airflow_runtime.local_executor.LocalExecutor"
# Until this file is there no task ends.
RELEASE = "release"


def workload(task_id):
    ti = SimpleNamespace(key=TaskInstanceKey("a_dag", task_id, "run", 1), id=task_id, priority_weight=1)
    return ExecuteTask.model_construct(ti=ti)


def write_and_wait(folder):
    def execute(log, workload, team_conf):
        with (folder / workload.ti.id).open("a") as file:
            file.write("start ")
        while not (folder / RELEASE).exists():
            time.sleep(0.05)
        with (folder / workload.ti.id).open("a") as file:
            file.write("end ")

    return execute


@pytest.fixture(params=[LocalExecutor, local_executor.LocalExecutor], ids=["ours", "airflow's"])
def executor(request, tmp_path, monkeypatch):
    monkeypatch.setattr(local_executor, "_execute_work", write_and_wait(tmp_path))
    executor = request.param(parallelism=3)
    executor.start()
    yield executor
    for process in multiprocessing.active_children():
        process.kill()
        process.join()


def until(executor, condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        executor.sync()
        time.sleep(0.05)


def queue(executor, task_id):
    executor.queue_workload(workload(task_id), session=None)
    executor.heartbeat()


def test_a_resumed_task_waits_for_the_end_of_its_first_process(executor, tmp_path):
    file, key = tmp_path / "one", workload("one").ti.key
    queue(executor, "one")
    until(executor, file.exists)
    # The trigger has fired, the scheduler queues the task again; the first process is still sending its log.
    queue(executor, "one")
    known = executor.has_task(SimpleNamespace(id="one", key=key))
    if type(executor) is local_executor.LocalExecutor:
        # What this module is for. When this fails, Airflow has mended it and the module can go.
        assert not known
        return
    assert known
    (tmp_path / RELEASE).touch()
    until(executor, lambda: key in executor.event_buffer)
    assert executor.get_event_buffer() == {key: (TaskInstanceState.SUCCESS, None)}
    assert executor.has_task(SimpleNamespace(id="one", key=key))
    executor.heartbeat()
    until(executor, lambda: key in executor.event_buffer)
    assert file.read_text() == "start end start end "


def test_other_tasks_do_not_wait(executor, tmp_path):
    names = ("one", "two", "three")
    for task_id in names:
        queue(executor, task_id)
    until(executor, lambda: all((tmp_path / name).exists() for name in names))
    assert not executor.event_buffer
    (tmp_path / RELEASE).touch()
    until(executor, lambda: len(executor.event_buffer) == 3)


def test_it_ends_whichever_process_takes_a_message(executor, monkeypatch):
    put = executor.activity_queue.put

    def put_and_wait(message):
        living = multiprocessing.active_children()
        put(message)
        while living and multiprocessing.active_children() == living:
            time.sleep(0.01)

    # The process that was started first reads first.
    monkeypatch.setattr(executor, "workers", dict(reversed(executor.workers.items())))
    monkeypatch.setattr(executor.activity_queue, "put", put_and_wait)
    ending = threading.Thread(target=executor.end, daemon=True)
    ending.start()
    ending.join(5)
    # When this fails for Airflow's, it has mended that.
    assert ending.is_alive() == (type(executor) is local_executor.LocalExecutor)


def test_dag_files_go_on_to_say_local_executor():
    script = (
        "from airflow.executors.executor_loader import ExecutorLoader as loader\n"
        "found = loader.lookup_executor_name_by_str('LocalExecutor')\n"
        "print(found.module_path, loader.import_executor_cls(found)[0].__module__)\n"
    )
    # The loader reads its configuration once in a process.
    environment = {**os.environ, "AIRFLOW__CORE__EXECUTOR": f"KubernetesExecutor,{PATH}"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.stdout.split() == [PATH, "airflow_runtime.local_executor"], done.stderr
