"""Each generated file (GENERATED/<number>/*.py) of a hostile config: Airflow loads it, and nothing in it runs."""

import os
import resource
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import LazyDeserializedDAG

FILES = sorted(Path(os.environ["GENERATED"]).glob("*/*.py"))
CANARY = Path(os.environ["CANARY"])
CONTEXT = {"run_id": "manual", "ds": "2026-01-01", "ts": "2026-01-01T00:00:00+00:00", "params": {}, "ti": None}
#: What only code that runs would do; Airflow itself asks for none of it to load a file.
FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "socket.connect")
EVENTS = []


def watch(event, _):
    if WATCHING and event.startswith(FORBIDDEN):
        EVENTS.append(event)


WATCHING = []
sys.addaudithook(watch)


@pytest.fixture(scope="module", autouse=True)
def imported():
    """What Airflow does once, on the first file, is not the file's doing."""
    assert wrong(FILES[0]) is None


def test_each_loads_and_runs_nothing():
    told = {f"{file.parent.name}/{file.name}": wrong(file) for file in FILES}
    assert {file: found for file, found in told.items() if found} == {}
    assert not CANARY.exists()


def wrong(file):
    WATCHING.append(file)
    bag = DagBag(file, include_examples=False, bundle_path=file.parent, bundle_name="published")
    if bag.import_errors or list(bag.dags) != [file.stem]:
        return f"{sorted(bag.dags)}: {bag.import_errors}"
    for dag in bag.dags.values():
        LazyDeserializedDAG.from_dag(dag)
    WATCHING.clear()
    return EVENTS or rendered(bag.dags.values())


def rendered(dags):
    """What rendering a task's templates did beyond it, in a fork: {{ 9**9**9 }} never ends, and harms its task only."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (1, 1))
        WATCHING.append(child)
        with suppress(BaseException):
            for task in [task.prepare_for_execution() for dag in dags for task in dag.tasks]:
                render(task)
        os._exit(len(EVENTS))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return f"{status} events while rendering" if status > 0 else None


def render(task):
    """A template may be refused, or ask a value for what it has not: the task fails by that, and does nothing."""
    with suppress(Exception):
        task.render_template_fields(CONTEXT)
