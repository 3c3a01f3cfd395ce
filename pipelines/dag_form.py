"""The form of ``dags/<dag_id>.yaml`` as typed records."""

from __future__ import annotations

import datetime
import math
import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from croniter import CroniterBadCronError, CroniterError, croniter
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

from pipelines.text_forms import EnvironmentVariable, Matching, PoolName, SecretName, without_nul
from pipelines.validation import LIST, OBJECT

PRESETS = ("@once", "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")
DURATION = re.compile("(?:([0-9]{1,4})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,6})s)?")
QUANTITY = r"([0-9]{1,15}(?:\.[0-9]{1,3})?)(m|Ki|Mi|Gi|Ti|k|M|G|T)?"
UNITS = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGT", start=1)},
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGT", start=1)},
}


def _seconds(value: object) -> int:
    found = DURATION.fullmatch(value) if isinstance(value, str) else None
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    total = hours * 3600 + minutes * 60 + seconds
    if not total:
        raise ValueError("a duration such as 30s, 10m, 1h30m")
    return total


def _schedule(value: str) -> str:
    if value in PRESETS:
        return value
    try:
        if len(value.split()) != 5:
            raise CroniterBadCronError("not five fields")
        croniter(value).get_next()
    except (CroniterError, ValueError, KeyError, AttributeError, TypeError, IndexError, OverflowError) as error:
        raise ValueError(f"a cron expression of five fields, one of {', '.join(PRESETS)}, or null ({error})") from None
    return " ".join(value.split())


def _json_value(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("values that JSON knows; it has no infinity")
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("text as keys: quote them")
        return {key: _json_value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_json_value(item) for item in value]
    if value is not None and not isinstance(value, str | int | float | bool):
        raise ValueError("values that JSON knows; quote dates and times")
    return value


def _as_text(value: object) -> object:
    return str(value) if type(value) in (int, float) else value


WORD = "[A-Za-z_][A-Za-z0-9_]*"
Identifier = Annotated[
    str,
    Field(max_length=63),
    Matching("[a-z][a-z0-9]*(_[a-z0-9]+)*", "a letter, then small letters, digits and single underscores"),
]
Schedule = Annotated[str, AfterValidator(_schedule)]
Seconds = Annotated[
    int, BeforeValidator(_seconds), WithJsonSchema({"type": "string", "pattern": f"^{DURATION.pattern}$"})
]
Argument = Annotated[Any, AfterValidator(_json_value)]
Text = Annotated[str, AfterValidator(without_nul)]
Words = Annotated[tuple[Text, ...], Field(max_length=1000)]
Arguments = Annotated[
    Annotated[dict[str, Argument], Tag(OBJECT)] | Annotated[Words, Tag(LIST)],
    Discriminator(lambda value: LIST if isinstance(value, list | tuple) else OBJECT),
]
Quantity = Annotated[
    str,
    Matching(QUANTITY, "a Kubernetes quantity such as 500m, 1 or 256Mi"),
    BeforeValidator(_as_text, json_schema_input_type=str | int | float),
]
Entry = Annotated[str, Matching(rf"{WORD}(\.{WORD})*:{WORD}", "module:function")]
Folder = Annotated[str, Matching("[A-Za-z0-9_][A-Za-z0-9_-]*", "the name of a folder beside this file")]
Label = Annotated[str, Field(min_length=1, max_length=100)]


class Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _each_once(sources: tuple[SecretEnvironment, ...]) -> tuple[SecretEnvironment, ...]:
    if len(set(sources)) != len(sources):
        raise ValueError("each Secret once")
    return sources


def _amount(quantity: str) -> Decimal:
    found = re.fullmatch(QUANTITY, quantity)
    return Decimal(found[1]) * UNITS[found[2] or ""] if found else Decimal(0)


class Amounts(Form):
    """Kubernetes quantities."""

    cpu: Quantity
    memory: Quantity


class Resources(Form):
    """What the task's pod asks for, and what it may not exceed."""

    requests: Amounts = Amounts(cpu="250m", memory="256Mi")
    limits: Amounts = Amounts(cpu="1", memory="1Gi")

    @model_validator(mode="after")
    def _limits_hold_requests(self) -> Resources:
        for name in ("cpu", "memory"):
            request, limit = getattr(self.requests, name), getattr(self.limits, name)
            if _amount(request) > _amount(limit):
                raise ValueError(f"limits that are not below the requests: {name} {request} is more than {limit}")
        return self


class SecretEnvironment(Form):
    """A Secret of the tasks' namespace, declared in the stack's ``tasks.secrets``, whose keys become variables."""

    secret: SecretName


EnvironmentSources = Annotated[tuple[SecretEnvironment, ...], AfterValidator(_each_once)]


class Task(Form):
    """One task. Durations are text such as 10m in the file, seconds in the record."""

    kind: Literal["pod", "python"] = Field(
        description="pod: KubernetesPodOperator, a task image. python: KubernetesExecutor, a worker image."
    )
    image: str | None = Field(None, description="Image type; the DAG's image when left out.")
    entry: Entry | None = Field(
        None, description="module:function in the source folder, called as function(**arguments)."
    )
    command: Annotated[Words, Field(min_length=1)] | None = Field(
        None,
        description="pod only, KubernetesPodOperator's cmds: replaces the image's entry point, and so fetches no "
        "source. Strings may be Jinja templates.",
    )
    arguments: Arguments = Field(
        default_factory=dict,
        description="With an entry: an object of JSON values. Without: a list, KubernetesPodOperator's arguments, for "
        "the command or for the image's entry point; that of the task base runs them in the source folder. "
        "Strings may be Jinja templates.",
    )
    env: dict[EnvironmentVariable, Text] = Field(
        default_factory=dict, description="Environment variables, plain text: never templates, never secrets."
    )
    env_from: EnvironmentSources = Field((), description="pod only: Secrets whose keys become variables too.")
    pool: PoolName | None = Field(None, description="Airflow's pool; the DAG's when left out.")
    resources: Resources = Resources()
    depends_on: tuple[Identifier, ...] = Field((), description="Tasks that must have succeeded.")
    retries: Annotated[int, Field(ge=0, le=100)] | None = Field(None, description="The DAG's when left out.")
    execution_timeout: Seconds = Field(
        3600, json_schema_extra={"default": "1h"}, description="How long the code may run."
    )
    startup_timeout: Seconds = Field(
        600, json_schema_extra={"default": "10m"}, description="pod only: how long scheduling and pulling may take."
    )
    xcom: bool = Field(False, description="pod only: what the function returns becomes the task's XCom.")

    @model_validator(mode="after")
    def _fields_fit_kind(self) -> Task:
        unread = {"startup_timeout", "xcom", "command", "env_from"} & self.model_fields_set
        if self.kind == "python" and unread:
            raise ValueError(f"a python task without {', '.join(sorted(unread))}: only pod tasks have that")
        return self

    @model_validator(mode="after")
    def _one_thing_to_run(self) -> Task:
        if self.kind == "python" and not self.entry:
            raise ValueError("a python task with an entry: module:function in the source folder")
        if self.entry and self.command:
            raise ValueError("an entry or a command, not both")
        if not self.entry and not self.command and not self.words:
            raise ValueError("a task with something to run: an entry, a command, or a list of arguments")
        if self.entry and isinstance(self.arguments, tuple):
            raise ValueError("an object as the arguments of an entry: names and values")
        if self.command and self.arguments and isinstance(self.arguments, dict):
            raise ValueError("a list as the arguments of a command")
        return self

    @property
    def words(self) -> tuple[str, ...]:
        """The container's arguments, of a task that runs no function."""
        return self.arguments if isinstance(self.arguments, tuple) else ()

    @property
    def keywords(self) -> dict[str, Any]:
        """The function's arguments."""
        return self.arguments if isinstance(self.arguments, dict) else {}

    @property
    def templated(self) -> dict[str, Any]:
        """Field -> value, of the fields whose strings are Jinja templates."""
        return {"command": self.command or (), "arguments": self.arguments}


class Dag(Form):
    """A DAG config, as its file holds it."""

    dag_id: Identifier
    description: Text = ""
    schedule: Schedule | None = Field(None, description="Cron (five fields), a preset, or null: only when triggered.")
    start_date: datetime.date = Field(description="Midnight UTC of that day.")
    catchup: bool = False
    tags: tuple[Label, ...] = ()
    owner: Label = "airflow"
    image: str | None = Field(None, description="Image type of the tasks that name none.")
    source: Folder = Field(description="Folder beside this file that holds the tasks' code.")
    retries: Annotated[int, Field(ge=0, le=100)] = 1
    retry_delay: Seconds = Field(60, json_schema_extra={"default": "1m"})
    env_from: EnvironmentSources = Field((), description="Secrets that every pod task's variables come from too.")
    pool: PoolName | None = Field(None, description="Airflow's pool of the tasks that name none.")
    tasks: Annotated[dict[Identifier, Task], Field(min_length=1)]

    def image_of(self, task: str) -> str:
        """The image type of a task, by its id; empty when neither it nor the DAG names one."""
        return self.tasks[task].image or self.image or ""

    def pool_of(self, task: str) -> str | None:
        """The pool of a task, by its id; None for Airflow's default pool."""
        return self.tasks[task].pool or self.pool

    def secrets_of(self, task: str) -> tuple[str, ...]:
        """The Secrets that a pod task's variables come from, the DAG's first, each once."""
        named = [source.secret for source in (*self.env_from, *self.tasks[task].env_from)]
        return tuple(dict.fromkeys(named)) if self.tasks[task].kind == "pod" else ()
