"""When a DAG runs, and what it can be started with."""

from __future__ import annotations

import datetime
from functools import cache, lru_cache
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from pipelines import bounded_patterns
from pipelines.bounded_patterns import CHARACTERS
from pipelines.dag_form_values import Argument, AssetKeys, Form, Seconds, Text, text_or_record
from pipelines.validation import OBJECT, TEXT, nearest

PRESETS = ("@once", "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")
# Fetched by whoever reads a schema.
REFUSED_KEYWORDS = ("$ref", "$dynamicRef", "$recursiveRef", "$schema", "$id")


@lru_cache(maxsize=1024)
def _cron(value: str) -> str:
    if value in PRESETS:
        return value
    # Here, since most configs need none of it, and every command reads them all.
    from croniter import CroniterBadCronError, CroniterError, croniter

    try:
        if len(value.split()) != 5:
            raise CroniterBadCronError("not five fields")
        croniter(value).get_next()
    except (CroniterError, ValueError, KeyError, AttributeError, TypeError, IndexError, OverflowError) as error:
        raise ValueError(f"a cron expression of five fields, one of {', '.join(PRESETS)}, or null ({error})") from None
    return " ".join(value.split())


@cache
def _zones() -> frozenset[str]:
    """Each call of available_timezones reads the folders of the database."""
    return frozenset(available_timezones())


def _zone(value: str) -> str:
    if value not in _zones():
        near = nearest(value, sorted(_zones()))
        raise ValueError(f"a time zone of the IANA database, such as Europe/Lisbon{f': {near}' if near else ''}")
    return ZoneInfo(value).key


def _without_zone(value: datetime.date) -> datetime.date:
    if isinstance(value, datetime.datetime) and value.tzinfo:
        raise ValueError("a date, or a time without offset: the DAG's time zone is timezone")
    return value


Schedule = Annotated[str, Field(max_length=100), AfterValidator(_cron)]
TimeZone = Annotated[str, AfterValidator(_zone)]
Moment = Annotated[datetime.datetime | datetime.date, AfterValidator(_without_zone)]


class Timetable(Form):
    """Runs at times, with or without a data interval. Airflow: CronTriggerTimetable, CronDataIntervalTimetable,
    DeltaTriggerTimetable, DeltaDataIntervalTimetable."""

    cron: Schedule | None = Field(None, description="Cron (five fields) or a preset, in the DAG's time zone.")
    every: Seconds | None = Field(None, description="A duration such as 6h.")
    data_interval: bool = Field(
        True, description="Each run covers the time from its own moment to the next, and starts when that is over."
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Timetable:
        if (self.cron is None) == (self.every is None):
            raise ValueError("just one of cron, every")
        if self.cron == "@once":
            raise ValueError('schedule: "@once", without cron')
        return self


class AssetSchedule(Form):
    """Runs when tasks of other DAGs have written what this one reads. Airflow: assets.

    Just one of all, any, inputs. An asset is named by the key of an object in the bucket, as in a task's outputs.
    """

    all: AssetKeys | None = Field(None, description="When each of them was written. Airflow: AssetAll.")
    any: AssetKeys | None = Field(None, description="When one of them was written. Airflow: AssetAny.")
    inputs: Literal["all", "any"] | None = Field(
        None, description="The inputs of this DAG's tasks that are outputs of other DAGs."
    )
    or_cron: Schedule | None = Field(None, description="And at these times. Airflow: AssetOrTimeSchedule.")

    @model_validator(mode="after")
    def _one_of_three(self) -> AssetSchedule:
        if sum(value is not None for value in (self.all, self.any, self.inputs)) != 1:
            raise ValueError("just one of all, any, inputs")
        if self.all == () or self.any == ():
            raise ValueError("at least one asset")
        return self


def _schedule_kind(value: object) -> str:
    if isinstance(value, Timetable) or (isinstance(value, dict) and value.keys() & {"cron", "every"}):
        return OBJECT
    return text_or_record(value) if not isinstance(value, dict | AssetSchedule) else ASSETS


ASSETS = "[assets]"
AnySchedule = Annotated[
    Annotated[AssetSchedule, Tag(ASSETS)] | Annotated[Timetable, Tag(OBJECT)] | Annotated[Schedule, Tag(TEXT)],
    Discriminator(_schedule_kind),
]


class Parameter(Form):
    """What a run can be started with: a default, and the JSON Schema that values must meet. Airflow: Param."""

    default: Argument = None
    type: str | tuple[str, ...] | None = None
    title: Text | None = None
    description: Text | None = None
    description_md: Text | None = Field(None, description="In Markdown, in the form that starts a run.")
    section: Text | None = Field(None, description="Heading in the form that starts a run.")
    enum: tuple[Argument, ...] | None = None
    const: Argument = None
    format: str | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    exclusiveMinimum: int | float | None = None  # noqa: N815 - JSON Schema's own word, as all below
    exclusiveMaximum: int | float | None = None  # noqa: N815
    multipleOf: int | float | None = None  # noqa: N815
    minLength: int | None = None  # noqa: N815
    maxLength: int | None = None  # noqa: N815
    pattern: str | None = None
    items: dict[str, Argument] | None = None
    minItems: int | None = None  # noqa: N815
    maxItems: int | None = None  # noqa: N815
    uniqueItems: bool | None = None  # noqa: N815
    properties: dict[str, Argument] | None = None
    required: tuple[str, ...] | None = None
    additionalProperties: bool | None = None  # noqa: N815
    examples: tuple[Argument, ...] | None = None
    values_display: dict[str, Text] | None = Field(None, description="What the form shows in place of a value.")

    @model_validator(mode="after")
    def _default_meets_schema(self) -> Parameter:
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import SchemaError

        schema = _plain(self.schema_keywords)
        if _patterns(schema) and any(len(text) > CHARACTERS for text in _texts(self.default)):
            raise ValueError(f"a default of at most {CHARACTERS} characters beside a pattern")
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            raise ValueError(f"a JSON Schema ({error.message[:100]})") from None
        for pattern in _patterns(schema):
            bounded_patterns.check(pattern)
        validator = Draft202012Validator(schema)
        wrong = next(validator.iter_errors(self.default), None) if "default" in self.model_fields_set else None
        if wrong:
            raise ValueError(f"a default that meets its own schema ({wrong.message[:100]})")
        return self

    @property
    def schema_keywords(self) -> dict[str, Any]:
        """What the file says, but for the default."""
        said = [name for name in type(self).model_fields if name in self.model_fields_set and name != "default"]
        return {name: getattr(self, name) for name in said}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        if refused := [key for key in value if key in REFUSED_KEYWORDS]:
            raise ValueError(f"a JSON Schema without {refused[0]}")
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _patterns(schema: Any) -> list[str]:
    """Every regular expression in a schema."""
    if isinstance(schema, dict):
        own = [value for key, value in schema.items() if key == "pattern" and isinstance(value, str)]
        keys = schema.get("patternProperties")
        own += [*keys] if isinstance(keys, dict) else []
        return [*own, *(found for value in schema.values() for found in _patterns(value))]
    return [found for item in schema for found in _patterns(item)] if isinstance(schema, list) else []


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(text for item in value.values() for text in _texts(item))]
    if isinstance(value, list | tuple):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []
