"""What each DAG should have left, worked out without the DAG's own code: one module a DAG, of the DAG's name.

Such a module has ``check(run)``, which returns what is wrong, one sentence each; and perhaps ``AFTER``, the DAGs whose
results its own DAG reads.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from graphlib import TopologicalSorter
from importlib.util import find_spec
from urllib.parse import quote

from lightkube import Client

from infra.settings import Settings
from local.bucket import Bucket
from local.machine import Machine


@dataclass(frozen=True)
class Run:
    """A run that has succeeded, and where to look for what it left."""

    dag: str
    run_id: str
    bucket: Bucket
    client: Client
    machine: Machine
    settings: Settings

    @property
    def prefix(self) -> str:
        """Where the run's objects lie in the bucket."""
        return f"data/{self.dag}/runs/{quote(self.run_id, safe='')}/"


Check = Callable[[Run], list[str]]


def check_of(dag: str) -> Check | None:
    """The DAG's check, None where nobody has written one."""
    name = f"{__name__}.{dag}"
    if find_spec(name) is None:
        return None
    check: Check | None = getattr(importlib.import_module(name), "check", None)
    return check


def in_order(wanted: Iterable[str], known: Collection[str]) -> tuple[str, ...]:
    """The wanted DAGs and all that they read from, each after what it reads from; else in the order of their names."""
    order: TopologicalSorter[str] = TopologicalSorter()
    waiting = list(wanted)
    seen: set[str] = set()
    while waiting:
        dag = waiting.pop()
        if dag not in seen:
            seen.add(dag)
            before = [other for other in _after(dag) if other in known]
            order.add(dag, *before)
            waiting += before
    order.prepare()
    found: list[str] = []
    while ready := sorted(order.get_ready()):
        found += ready
        order.done(*ready)
    return tuple(found)


def _after(dag: str) -> tuple[str, ...]:
    return getattr(importlib.import_module(f"{__name__}.{dag}"), "AFTER", ()) if check_of(dag) else ()
