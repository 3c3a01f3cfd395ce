"""The DAG itself: when it runs, with what parameters."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pipelines.dag_code_task import assets, callback, timedelta
from pipelines.dag_form import Dag
from pipelines.dag_form_schedule import AssetSchedule, Parameter, Timetable
from pipelines.python_source import Call, Name, Value

if TYPE_CHECKING:
    from pipelines.dag_config import DagConfig

#: Argument of DAG -> what is written; None leaves it out.
ARGUMENTS: Mapping[str, Callable[[DagConfig], Value]] = {
    "dag_display_name": lambda config: config.dag.dag_display_name,
    "description": lambda config: config.dag.description or None,
    "doc_md": lambda config: documentation(config.dag.doc_md),
    "end_date": lambda config: moment(config.dag.end_date, config.dag.timezone) if config.dag.end_date else None,
    "max_active_runs": lambda config: config.dag.max_active_runs,
    "max_active_tasks": lambda config: config.dag.max_active_tasks,
    "max_consecutive_failed_dag_runs": lambda config: config.dag.max_consecutive_failed_dag_runs,
    "dagrun_timeout": lambda config: timedelta(config.dag.dagrun_timeout) if config.dag.dagrun_timeout else None,
    "fail_fast": lambda config: config.dag.fail_fast or None,
    "is_paused_upon_creation": lambda config: config.dag.is_paused_upon_creation,
    "params": lambda config: {name: parameter(one) for name, one in config.dag.params.items()} or None,
    "on_success_callback": lambda config: _callback(config, config.dag.on_success_callback),
    "on_failure_callback": lambda config: _callback(config, config.dag.on_failure_callback),
}
#: In the order of Airflow's own documentation; the others follow.
FIRST = ("dag_id", "dag_display_name", "description", "schedule", "start_date", "end_date", "catchup", "tags")


def dag_call(config: DagConfig) -> Call:
    """``DAG(...)``."""
    dag = config.dag
    found: dict[str, Value] = {
        "dag_id": dag.dag_id,
        "schedule": schedule(dag),
        "start_date": moment(dag.start_date, dag.timezone),
        "catchup": dag.catchup,
        "tags": list(dag.tags),
        "default_args": {
            "owner": dag.owner,
            "retries": dag.retries,
            "retry_delay": timedelta(dag.retry_delay),
        },
    }
    said = {argument: write(config) for argument, write in ARGUMENTS.items()}
    found |= {argument: value for argument, value in said.items() if value is not None}
    order = [*(argument for argument in FIRST if argument in found), *(one for one in found if one not in FIRST)]
    return Call(Name("DAG"), {argument: found[argument] for argument in order})


def schedule(dag: Dag) -> Value:
    """Airflow's value of ``schedule``."""
    if isinstance(dag.schedule, Timetable):
        return _timetable(dag.schedule, dag.timezone)
    if not isinstance(dag.schedule, AssetSchedule):
        return dag.schedule
    wanted = dag.schedule
    keys = wanted.all or wanted.any or read_from_others(dag)
    any_of = wanted.any or wanted.inputs == "any"
    condition: Value = Call(Name("AssetAny"), arguments=assets(keys)) if any_of else assets(keys)
    if not wanted.or_cron:
        return condition
    times = _timetable(Timetable(cron=wanted.or_cron, data_interval=False), dag.timezone)
    return Call(Name("AssetOrTimeSchedule"), {"timetable": times, "assets": condition})


def read_from_others(dag: Dag) -> tuple[str, ...]:
    """The inputs of a DAG's tasks that none of its own tasks writes, each once."""
    own = {key for task in dag.tasks.values() for key in task.outputs}
    return tuple(dict.fromkeys(key for task in dag.tasks.values() for key in task.inputs if key not in own))


def _timetable(wanted: Timetable, timezone: str) -> Call:
    if wanted.cron:
        name = "CronDataIntervalTimetable" if wanted.data_interval else "CronTriggerTimetable"
        return Call(Name(name), {"timezone": timezone}, [wanted.cron])
    name = "DeltaDataIntervalTimetable" if wanted.data_interval else "DeltaTriggerTimetable"
    return Call(Name(name), arguments=[timedelta(wanted.every or 0)])


def moment(value: datetime.date, timezone: str) -> Call:
    """``datetime(...)`` in a time zone."""
    numbers = [value.year, value.month, value.day]
    if isinstance(value, datetime.datetime):
        clock = [value.hour, value.minute, value.second, value.microsecond]
        while clock and not clock[-1]:
            clock.pop()
        numbers += clock
    zone = Name("UTC") if timezone == "UTC" else Call(Name("ZoneInfo"), arguments=[timezone])
    return Call(Name("datetime"), {"tzinfo": zone}, numbers)


def parameter(wanted: Parameter) -> Call:
    """``Param(default, **schema)``."""
    default = [wanted.default] if "default" in wanted.model_fields_set else []
    return Call(Name("Param"), wanted.schema_keywords, default)


def documentation(text: str | None) -> str | None:
    """A text that Airflow does not take for the name of a file."""
    return f"{text}\n" if text and text.endswith(".md") else text


def _callback(config: DagConfig, path: str | None) -> Value:
    return callback(config.dag_id, path) if path else None
