"""The order of a DAG's tasks: what each waits for, groups resolved, and whether there is an order at all."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from pipelines.dag_form import Dag, Group, Task
from pipelines.dag_form_task import ResultOf
from pipelines.dag_reading import ReadConfig
from pipelines.errors import Problem
from pipelines.validation import listed, nearest, shown

#: What a label of a pod holds.
LONGEST_NAME = 63


def waits(dag: Dag) -> dict[str, tuple[str, ...]]:
    """Task -> the tasks that it waits for, itself or by its groups; names of neither tasks nor groups left out."""
    members = {name: [name] for name in dag.tasks} | {group: [] for group in dag.groups}
    for name, task in dag.tasks.items():
        for group in _around(dag, task.group):
            members[group].append(name)
    found = {}
    for name, task in dag.tasks.items():
        wanted = [*task.depends_on, *_expanded(task)]
        for group in _around(dag, task.group):
            wanted += dag.groups[group].depends_on
        found[name] = tuple(dict.fromkeys(one for other in wanted for one in members.get(other, ())))
    return found


def before(dag: Dag, name: str) -> set[str]:
    """All tasks that ``name`` waits for, directly or not."""
    waited = waits(dag)
    found, look = set[str](), [name]
    while look:
        new = [other for other in waited[look.pop()] if other not in found]
        found.update(new)
        look += new
    return found


def order_problems(config: ReadConfig) -> Iterator[Problem]:
    dag = config.dag
    known = [*dag.tasks, *dag.groups]
    waiting: list[tuple[str, Task | Group]] = [(f"tasks.{name}", task) for name, task in dag.tasks.items()]
    waiting += [(f"groups.{name}", group) for name, group in dag.groups.items()]
    for name, task in dag.tasks.items():
        for other in _expanded(task):
            if other not in dag.tasks:
                key = f"tasks.{name}.expand.task"
                fix = nearest(other, list(dag.tasks)) or "correct it"
                yield Problem(config.place(key), key, repr(other), f"one of {listed(list(dag.tasks))}", fix)
    for path, one in waiting:
        key = f"{path}.depends_on"
        for position, other in enumerate(one.depends_on):
            if other not in known:
                place = config.place(f"{key}.{position}")
                fix = nearest(other, known) or "correct it"
                yield Problem(place, key, repr(other), f"one of {listed(known)}", fix)
        if len(set(one.depends_on)) < len(one.depends_on):
            yield Problem(config.place(key), key, shown(list(one.depends_on)), "each task once", "remove the others")
        yield from _group_problems(config, path, one)
    try:
        TopologicalSorter(waits(dag)).prepare()
    except CycleError as error:
        cycle = error.args[1]
        key = f"tasks.{cycle[0]}.depends_on"
        # The sorter lists each task before the one that waits for it.
        found = " waits for ".join(reversed(cycle))
        yield Problem(config.place(key), key, found, "an order to run them in", "remove one of these dependencies")


def name_problems(config: ReadConfig) -> Iterator[Problem]:
    """Airflow prefixes a task's id with its groups', and puts it into a label of the pod, by which people find it."""
    for name, task in config.dag.tasks.items():
        whole = ".".join([*reversed(_around(config.dag, task.group)), name])
        if len(whole) > LONGEST_NAME:
            key = f"tasks.{name}"
            expected = f"at most {LONGEST_NAME}, which a label of its pod holds"
            place = config.place(key)
            yield Problem(place, key, f"{len(whole)} characters: {whole}", expected, "shorten it, or its groups' names")


def _group_problems(config: ReadConfig, path: str, one: Task | Group) -> Iterator[Problem]:
    groups, group = config.dag.groups, one.group
    key = f"{path}.group"
    if group is not None and group not in groups:
        expected = f"one of {listed(list(groups))}" if groups else "a group in groups, and there is none"
        fix = nearest(group, list(groups)) or f"add groups.{group}"
        yield Problem(config.place(key), key, repr(group), expected, fix)
    elif (
        group is not None and path.startswith("groups.") and path.removeprefix("groups.") in _around(config.dag, group)
    ):
        yield Problem(config.place(key), key, repr(group), "a group that does not stand in this one", "correct it")


def _expanded(task: Task) -> tuple[str, ...]:
    """The task over whose result this one is expanded."""
    return (task.expand.task,) if isinstance(task.expand, ResultOf) else ()


def _around(dag: Dag, group: str | None) -> tuple[str, ...]:
    """A group and those that it stands in, each looked at once: Dag.groups_around, for very many."""
    found: dict[str, None] = {}
    while group is not None and group in dag.groups and group not in found:
        found[group] = None
        group = dag.groups[group].group
    return tuple(found)
