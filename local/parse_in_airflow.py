"""Run by Airflow's Python on a folder of DAG files: prints what each costs as one JSON object, on the last line.

As Airflow's DAG processor does it: what a file imports from ``airflow`` is imported by the parent, then a fork for each
file loads and serializes its DAGs. Costs are CPU milliseconds of the fork: what else the machine does adds nothing.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path

import airflow
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from airflow.utils.file import iter_airflow_imports


def main(tree: Path) -> None:
    milliseconds: dict[str, float] = {}
    errors: dict[str, str] = {}
    for file in sorted(tree.glob("*.py")):
        for module in iter_airflow_imports(str(file)):
            # What fails here fails in the file too, and is told there.
            try:
                importlib.import_module(module)
            except Exception:  # noqa: S112
                continue
        milliseconds[file.name], error = in_a_fork(file, tree)
        if error:
            errors[file.name] = error
    report = {"airflow": airflow.__version__, "milliseconds": milliseconds, "errors": errors}
    sys.stdout.write("\n" + json.dumps(report) + "\n")


def in_a_fork(file: Path, tree: Path) -> tuple[float, str]:
    """CPU milliseconds, and the last line of what Airflow says against the file."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            error = load(file, tree)
        except BaseException as raised:
            error = f"{type(raised).__name__}: {raised}"
        os.write(writing, error.encode(errors="replace")[:2000])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        error = pipe.read().decode(errors="replace")
    _, _, usage = os.wait4(child, 0)
    return (usage.ru_utime + usage.ru_stime) * 1000, error


def load(file: Path, tree: Path) -> str:
    bag = DagBag(
        dag_folder=file, include_examples=False, load_op_links=False, bundle_path=tree, bundle_name="published"
    )
    for dag in bag.dags.values():
        LazyDeserializedDAG.from_dag(dag)
    return next((str(text).strip().splitlines()[-1] for text in bag.import_errors.values()), "")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
