"""Airflow's LocalExecutor, for tasks that defer and come back quickly.

A task that defers ends its process, is resumed under the same key, and may be queued again before the executor has
heard of that end: the scheduler then takes the news for the resumed task's, and fails it (apache/airflow#67287,
apache/airflow#72716). Here a task's next process waits until the end of the one before has been heard.

Ending it waits for ever where a process has taken the message to stop that was meant for one that is asked after: a
scheduler that restarts is then killed at the end of its grace. Here there is a message for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.executors import local_executor
from airflow.executors.workloads import All, ExecuteTask
from airflow.models.taskinstancekey import TaskInstanceKey


# Airflow finds an executor by the name of its class too: DAG files go on to say "LocalExecutor".
class LocalExecutor(local_executor.LocalExecutor):
    """Configured by its path in ``[core] executor``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._under_way: set[TaskInstanceKey] = set()

    def _process_workloads(self, workload_list: Sequence[All]) -> None:
        # What is held back stays queued, so that the scheduler finds it here when it hears of the end.
        ready = [workload for workload in workload_list if _key(workload) not in self._under_way]
        self._under_way |= {key for key in map(_key, ready) if key}
        super()._process_workloads(ready)

    def change_state(self, key: TaskInstanceKey, *args: Any, **kwargs: Any) -> None:
        self._under_way.discard(key)
        super().change_state(key, *args, **kwargs)

    def end(self) -> None:
        # Airflow's own go to those alone that still live when their turn comes.
        for _ in self.workers:
            self.activity_queue.put(None)
        super().end()


def _key(workload: All) -> TaskInstanceKey | None:
    return workload.ti.key if isinstance(workload, ExecuteTask) else None
