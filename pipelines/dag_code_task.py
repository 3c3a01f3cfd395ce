"""What every task of a generated DAG file says, whichever operator it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.argument_template import item_of_list, item_of_result
from pipelines.catalog import Catalog, Platform
from pipelines.dag_code_names import TAKEN
from pipelines.dag_form import Dag, Task
from pipelines.dag_form_task import ResultOf
from pipelines.python_source import Call, Name, Value

if TYPE_CHECKING:
    from pipelines.dag_config import DagConfig


@dataclass(frozen=True)
class Generated:
    """A task that is being written."""

    config: DagConfig
    name: str
    task: Task
    catalog: Catalog

    @property
    def dag(self) -> Dag:
        return self.config.dag

    @property
    def platform(self) -> Platform:
        return self.catalog.platform

    @property
    def image(self) -> str:
        """Raises KeyError for an image that is not in the catalog."""
        return self.catalog.images[self.dag.image_of(self.name)].pinned

    @property
    def item(self) -> str:
        """The start of a template in which ``item`` is what this run of the task is for."""
        expand = self.task.expand
        if expand is None:
            return ""
        return item_of_result(expand.task) if isinstance(expand, ResultOf) else item_of_list(expand)

    def says(self, field: str) -> bool:
        return field in self.task.model_fields_set


def timedelta(seconds: int) -> Call:
    return Call(Name("timedelta"), {"seconds": seconds})


def assets(keys: tuple[str, ...]) -> list[Value]:
    """Assets are named by the keys of objects: the bucket is the stack's."""
    return [Call(Name("Asset"), arguments=[key]) for key in keys]


def callback(source: str, path: str) -> Call:
    """A function that Airflow calls with the run's context, imported when it is called; ``source`` is the folder of the
    published sources that may hold it."""
    return Call(Name("partial"), arguments=[Name("call_back"), Name("__file__"), source, path])


def _as_it_is(field: str) -> Callable[[Generated], Value]:
    def write(one: Generated) -> Value:
        value: Value = getattr(one.task, field)
        return value

    return write


def _duration(field: str) -> Callable[[Generated], Value]:
    return lambda one: timedelta(getattr(one.task, field))


def _callback(field: str) -> Callable[[Generated], Value]:
    return lambda one: callback(one.config.published_as(one.name), getattr(one.task, field))


#: Argument of BaseOperator -> (field, what is written), where the task or the DAG's defaults say the field.
WHERE_SAID: Mapping[str, tuple[str, Callable[[Generated], Value]]] = {
    "retries": ("retries", _as_it_is("retries")),
    "retry_delay": ("retry_delay", _duration("retry_delay")),
    "retry_exponential_backoff": ("retry_exponential_backoff", _as_it_is("retry_exponential_backoff")),
    "max_retry_delay": ("max_retry_delay", _duration("max_retry_delay")),
    "pool_slots": ("pool_slots", _as_it_is("pool_slots")),
    "priority_weight": ("priority_weight", _as_it_is("priority_weight")),
    "max_active_tis_per_dag": ("max_active_tis_per_dag", _as_it_is("max_active_tis_per_dag")),
    "trigger_rule": ("trigger_rule", _as_it_is("trigger_rule")),
    "depends_on_past": ("depends_on_past", _as_it_is("depends_on_past")),
    "inlets": ("inputs", lambda one: assets(one.task.inputs)),
    "outlets": ("outputs", lambda one: assets(one.task.outputs)),
    "doc_md": ("doc_md", _as_it_is("doc_md")),
    "on_execute_callback": ("on_execute_callback", _callback("on_execute_callback")),
    "on_success_callback": ("on_success_callback", _callback("on_success_callback")),
    "on_failure_callback": ("on_failure_callback", _callback("on_failure_callback")),
    "on_retry_callback": ("on_retry_callback", _callback("on_retry_callback")),
    "on_skipped_callback": ("on_skipped_callback", _callback("on_skipped_callback")),
}


def said_arguments(one: Generated) -> dict[str, Value]:
    """Arguments that every operator takes, without its group."""
    found = {
        argument: write(one)
        for argument, (field, write) in WHERE_SAID.items()
        if one.says(field) and getattr(one.task, field) is not None
    }
    pool = one.dag.pool_of(one.name)
    if pool:
        found["pool"] = pool
    return found


def group_argument(one: Generated) -> dict[str, Value]:
    """Of the task alone: the file makes its groups below what tasks share."""
    return {"task_group": Name(variable(one.task.group))} if one.task.group else {}


def variable(name: str) -> str:
    """What the generated file calls a task or a group; the file's own names get an underscore."""
    return f"{name}_" if name in TAKEN else name
