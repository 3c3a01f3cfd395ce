"""One DAG config as the source of one DAG file: self-contained, and the same bytes for the same config and catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipelines.catalog import Catalog
from pipelines.dag_code_dag import dag_call
from pipelines.dag_code_names import imports
from pipelines.dag_code_pod import SOURCE, of_its_own, shareable, source_variables
from pipelines.dag_code_shared import Shared, alike
from pipelines.dag_code_task import Generated, variable
from pipelines.dag_code_worker import Workers, bash_arguments, python_arguments, shared_by, worker_arguments
from pipelines.dag_config import DagConfig
from pipelines.dag_form_task import ResultOf
from pipelines.python_source import Call, Name, Value, literal, names_in, written

INDENT = "    "
RUN = (
    "def run(source, entry, arguments):",
    f"{INDENT}from airflow_runtime.source import call",
    "",
    f"{INDENT}return call(__file__, source, entry, json.loads(arguments))",
)
#: Kind of task -> its operator, and what is said of that one alone.
WORKERS: Mapping[str, tuple[str, Callable[[Generated], dict[str, Value]]]] = {
    "python": ("PythonOperator", python_arguments),
    "bash": ("BashOperator", bash_arguments),
}
ONE_RUN_EACH = ("def each(item):", f"{INDENT}return {{}}")


@dataclass(frozen=True)
class Once:
    """What the file says once for all its tasks of a kind; ``said`` is all that each pod task says that others may."""

    said: Mapping[str, Mapping[str, Value]]
    pods: Shared
    workers: Workers


@dataclass
class Body:
    """Lines of the file below its imports, and the names that they use."""

    lines: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def add(self, before: str, value: Value, after: str = "", indent: int = 1) -> None:
        """``<before><value><after>``."""
        self.used.update(names_in(value))
        text = written(value, indent, before=len(before), after=len(after))
        self.lines.append(f"{INDENT * indent}{before}{text}{after}")


def dag_source(config: DagConfig, catalog: Catalog) -> str:
    """The text of ``<dag_id>.py``. Raises KeyError for an image that is not in the catalog."""
    tasks = [Generated(config, name, task, catalog) for name, task in config.dag.tasks.items()]
    once = _once(tasks)
    body = Body()
    _above(body, config, tasks, once)
    body.add("with ", dag_call(config), ":", indent=0)
    for name, group in config.dag.groups.items():
        named: dict[str, Value] = {"prefix_group_id": False}
        if group.tooltip:
            named["tooltip"] = group.tooltip
        if group.group:
            named["parent_group"] = Name(variable(group.group))
        body.add(f"{variable(name)} = ", Call(Name("TaskGroup"), named, [name]))
    for one in tasks:
        emit = _worker_task if one.task.kind in WORKERS else _pod_task
        emit(body, one, once)
    _order(body, config)
    return "\n".join([*_header(config, catalog), *imports(body.used), *body.lines]) + "\n"


def _once(tasks: Sequence[Generated]) -> Once:
    said = {one.name: shareable(one) for one in tasks if one.task.kind not in WORKERS}
    # A template says in its place what all other pods share.
    full = [said[one.name] for one in tasks if one.name in said and not one.task.pod_template]
    workers = shared_by([one for one in tasks if one.task.kind in WORKERS])
    return Once(said, Shared("POD", alike(full or [*said.values()])), workers)


def _above(body: Body, config: DagConfig, tasks: Sequence[Generated], once: Once) -> None:
    """What the tasks refer to."""
    if any(one.task.pod_template for one in tasks):
        folder = 'Path(__file__).with_name("pod_templates")'
        body.lines += [f"POD_TEMPLATES = {folder}", ""]
        body.used.add("Path")
    if any(one.task.kind == "pod" and one.name not in config.own_sources for one in tasks):
        body.add(f"{SOURCE} = ", source_variables(config.source.sha256), indent=0)
        body.lines.append("")
    for shared in (once.pods, once.workers.container, once.workers.spec, once.workers.task):
        if shared.values:
            body.add(f"{shared.name} = ", shared.values, indent=0)
            body.lines.append("")
    functions: list[tuple[str, ...]] = []
    if any(one.task.kind == "python" for one in tasks):
        functions.append(RUN)
        body.used.add("json")
    if any(isinstance(one.task.expand, ResultOf) for one in tasks):
        functions.append(ONE_RUN_EACH)
    if functions:
        body.lines.append("")
    for function in functions:
        body.lines += [*function, "", ""]


def _header(config: DagConfig, catalog: Catalog) -> Iterator[str]:
    beside = (
        container.image
        for task in config.dag.tasks.values()
        for container in (*task.init_containers, *task.sidecars)
        if container.image
    )
    types = sorted({*(config.dag.image_of(name) for name in config.dag.tasks), *beside})
    yield f"# Generated from {_comment(config.file)}: change that file, not this one."
    yield f"# config sha256:{config.sha256}"
    yield f"# source sha256:{config.source.sha256}"
    yield from (f"# source sha256:{own.sha256} of {task}" for task, own in config.own_sources.items())
    for type_ in types:
        yield f"# image  {_comment(catalog.images[type_].pinned)}"


def _comment(text: str) -> str:
    return literal(text)[1:-1]


def _pod_task(body: Body, one: Generated, once: Once) -> None:
    said, unpacked = once.pods.taken_from(once.said[one.name])
    _operator(body, one, "KubernetesPodOperator", {**of_its_own(one), **said}, unpacked)


def _worker_task(body: Body, one: Generated, once: Once) -> None:
    operator, own = WORKERS[one.task.kind]
    said, unpacked = worker_arguments(one, once.workers)
    _operator(body, one, operator, {**own(one), **said}, unpacked)


def _operator(body: Body, one: Generated, name: str, named: Mapping[str, Value], unpacked: Name | None) -> None:
    assigned, named = f"{variable(one.name)} = ", {"task_id": one.name, **named}
    if one.task.expand is None:
        body.add(assigned, Call(Name(name), named, unpacked=unpacked))
        return
    body.add(assigned, Call(Name(f"{name}.partial"), named, unpacked=unpacked))
    _expanded(body, one)


def _expanded(body: Body, one: Generated) -> None:
    """One run of the last task for each item. What it is for, its templates find by its index: so no item is ever
    rendered itself."""
    expand = one.task.expand
    runs: Value = [{} for _ in expand] if isinstance(expand, tuple) else []
    if isinstance(expand, ResultOf):
        runs = Call(Name(f"{variable(expand.task)}.output.map"), arguments=[Name("each")])
    last = body.lines[-1].rpartition("\n")[2].strip()
    expansion = Call(Name("expand_kwargs"), arguments=[runs])
    body.lines[-1] += f".{written(expansion, 1, before=len(last) + 1)}"


def _order(body: Body, config: DagConfig) -> None:
    waits = [(name, group.depends_on) for name, group in config.dag.groups.items() if group.depends_on]
    waits += [(name, task.depends_on) for name, task in config.dag.tasks.items() if task.depends_on]
    if waits:
        body.lines.append("")
    for name, others in waits:
        names = [Name(variable(other)) for other in others]
        body.add("", names if len(names) > 1 else names[0], f" >> {variable(name)}")
