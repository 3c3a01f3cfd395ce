"""Whether each ``ti.xcom_pull(task_ids='...')`` in an argument names a task that has run by then and left a value, and
each task that others are expanded over leaves a list."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes

from pipelines.argument_template import templates
from pipelines.dag_form import Dag
from pipelines.dag_order import before
from pipelines.dag_reading import ReadConfig
from pipelines.errors import Problem
from pipelines.validation import listed, nearest

TASK_INSTANCE = ("ti", "task_instance")


def xcom_problems(config: ReadConfig) -> Iterator[Problem]:
    yield from _list_problems(config)
    tasks = config.dag.tasks
    for name, task in tasks.items():
        for key, tree in templates(task.templated):
            for pulled in _pulled(tree):
                dotted = f"tasks.{name}.{key}"
                told = _wrong(pulled, name, config.dag)
                if told:
                    expected, fix = told
                    yield Problem(config.place(dotted), dotted, f"the XCom of {pulled!r}", expected, fix)


def _list_problems(config: ReadConfig) -> Iterator[Problem]:
    for name, task in config.dag.tasks.items():
        if task.kind != "pod" or not config.dag.gives_a_list(name):
            continue
        if not task.xcom:
            expected = "a task that leaves a list: others are expanded over it"
            yield Problem(config.place(f"tasks.{name}"), f"tasks.{name}", "no XCom", expected, "write xcom: true there")
        if task.deferrable and "deferrable" in task.model_fields_set:
            key = f"tasks.{name}.deferrable"
            expected = "false: other tasks are expanded over what it leaves, and a deferred one leaves no list"
            yield Problem(config.place(key), key, "true", expected, "remove it, or say false")


def _wrong(pulled: str, name: str, dag: Dag) -> tuple[str, str] | None:
    tasks = dag.tasks
    if pulled not in tasks:
        return f"a task of this DAG: {listed(list(tasks))}", nearest(pulled, list(tasks)) or "correct it"
    if pulled not in before(dag, name):
        return f"a task that {name!r} depends on", f"add {pulled!r} to tasks.{name}.depends_on"
    if tasks[pulled].kind == "pod" and not tasks[pulled].xcom:
        return "a task that leaves one", f"write xcom: true in tasks.{pulled}"
    return None


def _pulled(tree: nodes.Template) -> Iterator[str]:
    """The literal task ids that a template pulls from its own DAG run."""
    for call in tree.find_all(nodes.Call):
        function = call.node
        if not (isinstance(function, nodes.Getattr) and function.attr == "xcom_pull"):
            continue
        named = {keyword.key: keyword.value for keyword in call.kwargs}
        if getattr(function.node, "name", "") not in TASK_INSTANCE or named.keys() & {"dag_id", "run_id", "key"}:
            continue
        task_ids = named.get("task_ids") or (call.args[0] if call.args else None)
        items = task_ids.items if isinstance(task_ids, nodes.List | nodes.Tuple) else [task_ids]
        for item in items:
            if isinstance(item, nodes.Const) and isinstance(item.value, str):
                yield item.value
