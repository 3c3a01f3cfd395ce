"""The form of ``dags/<dag_id>.yaml`` as typed records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from pipelines.dag_form_pod import Container, EnvironmentSources, EnvironmentValue
from pipelines.dag_form_schedule import AnySchedule, Moment, Parameter, Schedule, TimeZone
from pipelines.dag_form_task import Count, ResultOf, Retries, Task, TaskDefaults
from pipelines.dag_form_values import WORD, Callback, Folders, Form, Identifier, Label, Seconds, Text, each_once
from pipelines.pod_manifest import with_definitions
from pipelines.text_forms import Matching, PoolName

__all__ = ["Dag", "Group", "Schedule", "Task", "TaskDefaults"]

ParameterName = Annotated[str, Field(max_length=63), Matching(WORD, "letters, digits and underscores")]


class Group(Form):
    """Tasks shown as one, and waited for as one. Airflow: TaskGroup."""

    tooltip: Text = Field("", description="Airflow: tooltip.")
    group: Identifier | None = Field(None, description="The group that it stands in. Airflow: parent_group.")
    depends_on: tuple[Identifier, ...] = Field((), description="Tasks and groups that its tasks wait for.")


class Dag(Form):
    """A DAG config, as its file holds it."""

    dag_id: Identifier = Field(description="Of the generated file too. Airflow: dag_id.")
    dag_display_name: Label | None = Field(None, description="Airflow: dag_display_name.")
    description: Text = Field("", description="Airflow: description.")
    doc_md: Text | None = Field(None, description="In Markdown. Airflow: doc_md.")
    schedule: AnySchedule | None = Field(
        None,
        description="Cron (five fields), a preset, a timetable, assets, or null: by hand only. Airflow: schedule.",
    )
    timezone: TimeZone = Field("UTC", description="Of start_date, end_date and cron. Airflow: start_date's tzinfo.")
    start_date: Moment = Field(description="Midnight of that day, or a time. Airflow: start_date.")
    end_date: Moment | None = Field(None, description="The last moment that a run is scheduled for. Airflow: end_date.")
    catchup: bool = Field(False, description="Run for all intervals since start_date too. Airflow: catchup.")
    max_active_runs: Count | None = Field(None, description="Airflow: max_active_runs.")
    max_active_tasks: Count | None = Field(None, description="Airflow: max_active_tasks.")
    max_consecutive_failed_dag_runs: Count | None = Field(
        None, description="After so many the DAG is paused. Airflow: max_consecutive_failed_dag_runs."
    )
    dagrun_timeout: Seconds | None = Field(None, description="How long a run may take. Airflow: dagrun_timeout.")
    fail_fast: bool = Field(False, description="A failed task ends the others. Airflow: fail_fast.")
    is_paused_upon_creation: bool | None = Field(None, description="Airflow: is_paused_upon_creation.")
    params: dict[ParameterName, Parameter] = Field(
        default_factory=dict, description="What a run can be started with: {{ params.name }}. Airflow: params."
    )
    on_success_callback: Callback | None = Field(None, description="Of a run. Airflow: on_success_callback.")
    on_failure_callback: Callback | None = Field(None, description="Of a run. Airflow: on_failure_callback.")
    tags: Annotated[tuple[Label, ...], AfterValidator(each_once)] = Field((), description="Airflow: tags.")
    owner: Label = Field("airflow", description="Airflow: owner.")
    image: str | None = Field(None, description="Image type of the tasks that name none.")
    source: Folders = Field(
        description="Folder beside this file that holds the tasks' code, or several whose files are put together."
    )
    retries: Retries = Field(1, description="Airflow: default_args retries.")
    retry_delay: Seconds = Field(
        60, json_schema_extra={"default": "1m"}, description="Airflow: default_args retry_delay."
    )
    env_from: EnvironmentSources = Field((), description="Secrets that every pod task's variables come from too.")
    pool: PoolName | None = Field(None, description="Airflow's pool of the tasks that name none.")
    defaults: TaskDefaults = Field(
        TaskDefaults(), description="Fields of the tasks that leave them out. Airflow: default_args."
    )
    groups: dict[Identifier, Group] = Field(default_factory=dict, max_length=500, description="Airflow: TaskGroup.")
    tasks: Annotated[dict[Identifier, Task], Field(min_length=1, max_length=500)]

    @model_validator(mode="after")
    def _defaults_apply(self) -> Dag:
        if self.defaults.model_fields_set:
            tasks = {name: task.with_defaults(self.defaults) for name, task in self.tasks.items()}
            object.__setattr__(self, "tasks", tasks)
        return self

    @model_validator(mode="after")
    def _dates_in_order(self) -> Dag:
        if self.end_date and str(self.end_date) < str(self.start_date):
            raise ValueError(
                f"an end_date that is not before the start_date: {self.end_date} is before {self.start_date}"
            )
        return self

    @model_validator(mode="after")
    def _names_apart(self) -> Dag:
        both = sorted(self.groups.keys() & self.tasks.keys())
        if both:
            raise ValueError(f"groups and tasks with names of their own: {', '.join(both)} is both")
        return self

    @classmethod
    def model_json_schema(cls, *arguments: Any, **named: Any) -> dict[str, Any]:
        return with_definitions(super().model_json_schema(*arguments, **named))

    @property
    def members(self) -> Mapping[str, tuple[str, ...]]:
        """Group -> the tasks in it, and in the groups in it."""
        return {
            group: tuple(name for name, task in self.tasks.items() if group in self.groups_around(task.group))
            for group in self.groups
        }

    def groups_around(self, group: str | None) -> tuple[str, ...]:
        """A group and those that it stands in, the innermost first, up to one that does not exist or stands there."""
        found: list[str] = []
        while group in self.groups and group not in found:
            found.append(group)
            group = self.groups[group].group
        return tuple(found)

    def gives_a_list(self, task: str) -> bool:
        """Whether other tasks are expanded over what a task, by its id, leaves in its one run."""
        over = {one.expand.task for one in self.tasks.values() if isinstance(one.expand, ResultOf)}
        return task in over and self.tasks[task].expand is None

    def image_of(self, task: str) -> str:
        """The image type of a task, by its id; empty when neither it nor the DAG names one."""
        return self.tasks[task].image or self.image or ""

    def folders_of(self, task: str | None = None) -> tuple[str, ...]:
        """The folders of a task's code, by its id, or of the DAG's."""
        said = (self.tasks[task].source if task else None) or self.source
        return (said,) if isinstance(said, str) else said

    @property
    def with_own_source(self) -> tuple[str, ...]:
        """The tasks whose code is not the DAG's."""
        return tuple(name for name, task in self.tasks.items() if task.source)

    def pool_of(self, task: str) -> str | None:
        """The pool of a task, by its id; None for Airflow's default pool."""
        return self.tasks[task].pool or self.pool

    def secrets_of(self, task: str) -> tuple[str, ...]:
        """The Secrets that a pod task names anywhere, the DAG's first, each once."""
        if self.tasks[task].kind != "pod":
            return ()
        one = self.tasks[task]
        beside = (*one.init_containers, *one.sidecars)
        sources = [*self.env_from, *one.env_from, *(source for container in beside for source in container.env_from)]
        holders: list[Task | Container] = [one, *beside]
        values = [value for holder in holders for value in holder.env.values()]
        named = [
            *(source.secret for source in sources),
            *(value.secret for value in values if isinstance(value, EnvironmentValue)),
            *(volume.secret for volume in one.volumes),
        ]
        return tuple(dict.fromkeys(secret for secret in named if secret))
