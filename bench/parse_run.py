"""Airflow's own way of parsing DAG files: a parent that imports each file's airflow modules and forks a child for it.

Whatever the files are, it has what this project's bundle brings along. Run by the environment of
``bench.parse_environment``. Each line read is ``{"files": [...], "at_once": n, "memory": bool}``, each line written
what these files cost, what ``Parent.parse`` gives.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import resource
import selectors
import sys
import time
from pathlib import Path
from typing import Any

import airflow.dag_processing.manager  # noqa: F401 - a real parent is one, and has loaded what it needs
import structlog
from airflow.dag_processing.processor import DagFileProcessorProcess, _parse_file_entrypoint
from uuid6 import uuid7

from airflow_runtime import brought_along

BUNDLE = "dags-folder"
READ, WRITE = os.pipe()
os.set_blocking(READ, False)


def parse_and_tell_memory() -> None:
    """In the child: parse, then say how much of its memory it shares with nobody."""
    try:
        _parse_file_entrypoint()
    finally:
        text = Path("/proc/self/smaps_rollup").read_text()
        private = sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_"))
        os.write(WRITE, b"%d\n" % (private * 1024))


class Parent:
    """What the DAG processor's manager does with its files, but for the database."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._null = Path(os.devnull).open("wb")  # noqa: SIM115 - as long as the process
        logging.disable(logging.CRITICAL)
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        self._logger = structlog.get_logger()

    def parse(self, files: list[str], at_once: int, memory: bool) -> dict[str, Any]:
        """Wall seconds, CPU seconds of parent and children, DAGs, import errors, and each child's private bytes."""
        waiting, running = list(reversed(files)), list[DagFileProcessorProcess]()
        dags, errors = 0, dict[str, str]()
        began, used = time.perf_counter(), _used()
        while waiting or running:
            while waiting and len(running) < at_once:
                running.append(self._start(waiting.pop(), memory))
            self._service()
            ended = [one for one in running if one.is_ready]
            running = [one for one in running if not any(one is other for other in ended)]
            for process in ended:
                if process.parsing_result is None:
                    raise RuntimeError(f"{process.dag_file_rel_path} gave no result")
                dags += len(process.parsing_result.serialized_dags)
                errors |= process.parsing_result.import_errors or {}
        seconds, cpu = time.perf_counter() - began, _used() - used
        private = [int(word) for word in os.read(READ, 1 << 16).split()] if memory else []
        return {"seconds": seconds, "cpu_seconds": cpu, "dags": dags, "errors": errors, "private": private}

    def _start(self, file: str, memory: bool) -> DagFileProcessorProcess:
        return DagFileProcessorProcess.start(
            id=uuid7(),
            path=file,
            bundle_path=Path(file).parent,
            bundle_name=BUNDLE,
            dag_file_rel_path=Path(file).name,
            callbacks=[],
            selector=self._selector,
            logger=self._logger,
            logger_filehandle=self._null,
            client=None,
            **({"target": parse_and_tell_memory} if memory else {}),
        )

    def _service(self) -> None:
        for key, _ in self._selector.select(timeout=0.05):
            handle, on_close = key.data
            try:
                more = handle(key.fileobj)
            except (BrokenPipeError, ConnectionResetError):
                more = False
            if not more:
                on_close(key.fileobj)
                key.fileobj.close()


def _used() -> float:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, kinds))


def main() -> None:
    brought_along.bring()
    # As the manager does before its first file.
    gc.freeze()
    parent = Parent()
    for line in sys.stdin:
        # As the bundle does each time that it is refreshed.
        brought_along.bring()
        sys.stdout.write(json.dumps(parent.parse(**json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
