"""Each generated file (GENERATED/<number>/*.py) of a hostile config: Airflow loads it, and nothing in it runs."""

import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from jinja2 import TemplateError

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
    DagBag(FILES[0], include_examples=False)


@pytest.fixture
def watched():
    WATCHING.append(True)
    yield EVENTS
    WATCHING.clear()
    EVENTS.clear()


def test_each_loads_and_runs_nothing(watched):
    told = {f"{file.parent.name}/{file.name}": wrong(file) for file in FILES}
    assert {file: found for file, found in told.items() if found} == {}
    assert watched == []
    assert not CANARY.exists()


def wrong(file):
    bag = DagBag(file, include_examples=False, bundle_path=file.parent, bundle_name="published")
    if bag.import_errors or list(bag.dags) != [file.stem]:
        return f"{sorted(bag.dags)}: {bag.import_errors}"
    for dag in bag.dags.values():
        LazyDeserializedDAG.from_dag(dag)
        for task in dag.tasks:
            render(task.prepare_for_execution())
    return None


def render(task):
    """A template may be refused, or ask a value for what it has not: the task fails by that, and does nothing."""
    with suppress(TemplateError, LookupError, TypeError, ValueError, AttributeError):
        task.render_template_fields(CONTEXT)
