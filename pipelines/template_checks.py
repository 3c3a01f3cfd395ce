"""Whether the names in a task's templates exist when Airflow renders them: variables, parameters, XComs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import nodes
from jinja2.defaults import DEFAULT_NAMESPACE

from pipelines.argument_template import templates
from pipelines.dag_reading import ReadConfig
from pipelines.errors import Problem, plain
from pipelines.validation import listed, nearest, shown

#: airflow.sdk.definitions.context.Context of Airflow 3.2, without what only callbacks get.
#: https://airflow.apache.org/docs/apache-airflow/stable/templates-ref.html#variables
CONTEXT = (
    *("conn", "dag", "dag_run", "data_interval_end", "data_interval_start", "ds", "ds_nodash", "expanded_ti_count"),
    *("inlet_events", "inlets", "logical_date", "macros", "map_index_template", "outlet_events", "outlets", "params"),
    *("prev_data_interval_end_success", "prev_data_interval_start_success", "prev_end_date_success"),
    *("prev_start_date_success", "run_id", "task", "task_instance", "task_instance_key_str", "task_reschedule_count"),
    *("ti", "triggering_asset_events", "ts", "ts_nodash", "ts_nodash_with_tz", "var"),
)
#: What Airflow 2 had, and what to write in Airflow 3.
REMOVED = {
    "execution_date": "logical_date",
    "next_ds": "data_interval_end | ds",
    "next_ds_nodash": "data_interval_end | ds_nodash",
    "next_execution_date": "data_interval_end",
    "prev_ds": "prev_data_interval_start_success | ds",
    "prev_ds_nodash": "prev_data_interval_start_success | ds_nodash",
    "prev_execution_date": "prev_data_interval_start_success",
    "prev_execution_date_success": "prev_data_interval_start_success",
    "tomorrow_ds": "macros.ds_add(ds, 1)",
    "tomorrow_ds_nodash": "macros.ds_add(ds, 1) | replace('-', '')",
    "triggering_dataset_events": "triggering_asset_events",
    "try_number": "ti.try_number",
    "yesterday_ds": "macros.ds_add(ds, -1)",
    "yesterday_ds_nodash": "macros.ds_add(ds, -1) | replace('-', '')",
    "conf": "nothing: Airflow's configuration is not there",
    "item": "nothing: only a task with expand has an item",
}
#: airflow.sdk.execution_time.macros
MACROS = (
    *("datetime", "dateutil", "datetime_diff_for_humans", "ds_add", "ds_format", "ds_format_locale", "json", "random"),
    *("time", "timedelta", "uuid", "yaml"),
)


def template_problems(config: ReadConfig) -> Iterator[Problem]:
    """Unknown variables, macros and parameters, and those that Airflow 3 no longer has."""
    for name, task in config.dag.tasks.items():
        known = (*CONTEXT, "item") if getattr(task, "expand", None) is not None else CONTEXT
        for key, tree in templates(task.templated):
            dotted = f"tasks.{name}.{key}"
            for found, expected, fix in _wrong(tree, known, getattr(config.dag, "params", {})):
                yield Problem(config.place(dotted), dotted, found, expected, fix)


def named_in_templates(config: ReadConfig) -> Iterator[tuple[str, str, str]]:
    """(dotted key, ``conn`` or ``var``, name) of the connections and variables that templates read by name."""
    for task_name, task in config.dag.tasks.items():
        for key, tree in templates(task.templated):
            for node in tree.find_all(nodes.Getattr):
                if getattr(node.node, "name", "") == "conn" and node.attr != "get":
                    yield f"tasks.{task_name}.{key}", "conn", node.attr
                inner = node.node
                is_variable = isinstance(inner, nodes.Getattr) and inner.attr in ("value", "json")
                if is_variable and getattr(inner.node, "name", "") == "var" and node.attr != "get":  # type: ignore[attr-defined]
                    yield f"tasks.{task_name}.{key}", "var", node.attr


def _wrong(
    tree: nodes.Template, known: tuple[str, ...], parameters: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """Found, expected, fix."""
    own = {one.name for one in tree.find_all(nodes.Name) if one.ctx != "load"} | {"loop"}
    for name in dict.fromkeys(one.name for one in tree.find_all(nodes.Name) if one.ctx == "load"):
        if name not in own and name not in known and name not in DEFAULT_NAMESPACE:
            better = f"write {{{{ {REMOVED[name]} }}}}" if name in REMOVED else nearest(name, known)
            if REMOVED.get(name, "").startswith("nothing"):
                better = REMOVED[name].removeprefix("nothing: ")
            found = f"the variable {shown(name)}"
            yield found, f"a variable of Airflow's templates: {listed(known)}", better or "correct it"
    for node in tree.find_all(nodes.Getattr):
        owner = getattr(node.node, "name", "")
        if owner == "params" and node.attr not in parameters and node.attr not in dir(dict):
            expected = f"one of {listed(list(parameters))}" if parameters else "a parameter of the DAG: it has none"
            fix = nearest(node.attr, list(parameters)) or f"add params.{plain(node.attr)}"
            yield f"the parameter {shown(node.attr)}", expected, fix
        if owner == "macros" and node.attr not in MACROS:
            fix = nearest(node.attr, MACROS) or "correct it"
            yield f"the macro {shown(node.attr)}", f"one of {', '.join(MACROS)}", fix
