"""Run by Airflow's Python on a folder of DAG files: what each says when it is loaded, and the pod of each of its tasks.

Prints one JSON object, on the last line: file -> {"errors", "warnings", "dags", "pods": {task_id: manifest}}.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

from airflow.dag_processing.dagbag import DagBag
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from kubernetes.client import ApiClient

HOOK = SimpleNamespace(is_in_cluster=True, get_namespace=lambda: None)


def pod(task):
    if getattr(task, "is_mapped", False):
        if not issubclass(task.operator_class, KubernetesPodOperator):
            return None
        task = task.unmap({name: values[0] for name, values in task.expand_input.value.items()})
    if not isinstance(task, KubernetesPodOperator):
        return None
    task.__dict__["hook"] = HOOK
    # The sidecar is Airflow's own; the tests of the runtime look at it.
    task.do_xcom_push = False
    return ApiClient().sanitize_for_serialization(KubernetesPodOperator.build_pod_request_obj(task))


def told(file):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        bag = DagBag(file, include_examples=False, load_op_links=False, bundle_path=file.parent, bundle_name="test")
        tasks = [task for dag in bag.dags.values() for task in dag.tasks]
        pods = {task.task_id: found for task in tasks if (found := pod(task)) is not None}
    captured = [str(one) for ones in bag.captured_warnings.values() for one in ones]
    deprecated = [f"{one.category.__name__}: {one.message}" for one in caught] + captured
    return {
        "errors": [str(text) for text in bag.import_errors.values()],
        "warnings": [text for text in deprecated if "eprecat" in text or "RemovedIn" in text],
        "dags": sorted(bag.dags),
        "pods": pods,
        "overrides": {
            task.task_id: ApiClient().sanitize_for_serialization(task.executor_config["pod_override"])
            for task in tasks
            if not getattr(task, "is_mapped", False) and "pod_override" in (task.executor_config or {})
        },
    }


def in_a_fork(file):
    """Each file meets modules that no other has loaded: some warn only once."""
    reading, writing = os.pipe()
    if not os.fork():
        os.close(reading)
        with os.fdopen(writing, "w") as pipe:
            try:
                json.dump(told(file), pipe)
            except BaseException as error:
                json.dump({"errors": [repr(error)], "warnings": [], "dags": [], "pods": {}, "overrides": {}}, pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        found = pipe.read()
    os.wait()
    return json.loads(found)


sys.stdout.write(
    "\n" + json.dumps({file.name: in_a_fork(file) for file in sorted(Path(sys.argv[1]).glob("*.py"))}) + "\n"
)
