"""One DAG config as the source of one DAG file: self-contained, and the same bytes for the same config and catalog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipelines.argument_template import arguments_template
from pipelines.catalog import Catalog
from pipelines.dag_code_dag import dag_call
from pipelines.dag_code_names import imports
from pipelines.dag_code_pod import SOURCE, of_its_own, shareable, source_variables
from pipelines.dag_code_task import Generated, variable
from pipelines.dag_code_worker import bash_arguments, worker_arguments
from pipelines.dag_config import DagConfig
from pipelines.dag_form_task import ResultOf
from pipelines.python_source import Call, Name, Value, literal, names_in, written

INDENT = "    "
ONE_RUN_EACH = ("def each(item):", f"{INDENT}return {{}}")


@dataclass(frozen=True)
class Pod:
    """What a pod task says that others may say too, and what the file's ``POD`` says for all of them."""

    said: Mapping[str, Value]
    shared: Mapping[str, Value]


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
    body = Body()
    pods = [one for one in tasks if one.task.kind == "pod"]
    # A template says in its place what all other pods share.
    alike = [one for one in pods if not one.task.pod_template]
    said = {one.name: shareable(one) for one in pods}
    shared = _shared([said[one.name] for one in alike or pods])
    if any(one.task.pod_template for one in tasks):
        folder = 'Path(__file__).with_name("pod_templates")'
        body.lines += [f"POD_TEMPLATES = {folder}", ""]
        body.used.add("Path")
    if any(one.name not in config.own_sources for one in pods):
        body.add(f"{SOURCE} = ", source_variables(config.source.sha256), indent=0)
        body.lines.append("")
    if shared:
        body.add("POD = ", shared, indent=0)
        body.lines.append("")
    if any(isinstance(one.task.expand, ResultOf) for one in tasks):
        body.lines += ["", *ONE_RUN_EACH, "", ""]
    body.add("with ", dag_call(config), ":", indent=0)
    for name, group in config.dag.groups.items():
        named: dict[str, Value] = {"prefix_group_id": False}
        if group.tooltip:
            named["tooltip"] = group.tooltip
        if group.group:
            named["parent_group"] = Name(variable(group.group))
        body.add(f"{variable(name)} = ", Call(Name("TaskGroup"), named, [name]))
    for one in tasks:
        _EMITTERS[one.task.kind](body, one, Pod(said.get(one.name, {}), shared))
    _order(body, config)
    return "\n".join([*_header(config, catalog), *imports(body.used), *body.lines]) + "\n"


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


def _shared(pods: Sequence[Mapping[str, Value]]) -> dict[str, Value]:
    """The arguments that all pod tasks have, with one value each."""
    if len(pods) < 2:
        return {}
    first, *others = pods
    return {
        argument: value
        for argument, value in first.items()
        if all(argument in other and other[argument] == value for other in others)
    }


def _pod_task(body: Body, one: Generated, pod: Pod) -> None:
    unpacked = Name("POD") if pod.shared and pod.shared.keys() <= pod.said.keys() else None
    left_out = pod.shared if unpacked else {}
    named = of_its_own(one) | {name: value for name, value in pod.said.items() if name not in left_out}
    _operator(body, one, "KubernetesPodOperator", named, unpacked)


def _bash_task(body: Body, one: Generated, pod: Pod) -> None:
    _operator(body, one, "BashOperator", {**worker_arguments(one), **bash_arguments(one)})


def _operator(body: Body, one: Generated, name: str, named: Mapping[str, Value], unpacked: Name | None = None) -> None:
    assigned = f"{variable(one.name)} = "
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
        listed = variable(expand.task)
        output = listed if one.dag.tasks[expand.task].kind == "python" else f"{listed}.output"
        runs = Call(Name(f"{output}.map"), arguments=[Name("each")])
    last = body.lines[-1].rpartition("\n")[2].strip()
    expansion = Call(Name("expand_kwargs"), arguments=[runs])
    body.lines[-1] += f".{written(expansion, 1, before=len(last) + 1)}"


def _python_task(body: Body, one: Generated, pod: Pod) -> None:
    assigned, function = variable(one.name), f"run_{one.name}"
    if function in one.dag.tasks or function in one.dag.groups:
        function += "_"
    called = Call(
        Name("call"),
        arguments=[
            Name("__file__"),
            one.config.published_as(one.name),
            one.task.entry or "",
            Call(Name("json.loads"), arguments=[Name("arguments")]),
        ],
    )
    text = arguments_template(one.task.keywords, one.item)
    body.lines.append("")
    body.add("@", Call(Name("task"), worker_arguments(one)))
    body.lines += [
        f"{INDENT}def {function}(arguments):",
        f"{INDENT * 2}from airflow_runtime.source import call",
        "",
    ]
    body.add("return ", called, indent=2)
    body.lines.append("")
    if one.task.expand is None:
        body.add(f"{assigned} = ", Call(Name(function), arguments=[text]))
    else:
        body.add(f"{assigned} = ", Call(Name(f"{function}.partial"), {"arguments": text}))
        _expanded(body, one)


_EMITTERS = {"pod": _pod_task, "python": _python_task, "bash": _bash_task}


def _order(body: Body, config: DagConfig) -> None:
    waits = [(name, group.depends_on) for name, group in config.dag.groups.items() if group.depends_on]
    waits += [(name, task.depends_on) for name, task in config.dag.tasks.items() if task.depends_on]
    if waits:
        body.lines.append("")
    for name, others in waits:
        names = [Name(variable(other)) for other in others]
        body.add("", names if len(names) > 1 else names[0], f" >> {variable(name)}")
