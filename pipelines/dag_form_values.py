"""Single values of a DAG config: names, durations, quantities, JSON."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
)

from pipelines.text_forms import Matching, without_nul
from pipelines.validation import LIST, OBJECT, TEXT

DURATION = re.compile("(?:([0-9]{1,4})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,6})s)?")
QUANTITY = r"([0-9]{1,15}(?:\.[0-9]{1,3})?)(m|Ki|Mi|Gi|Ti|k|M|G|T)?"
WORD = "[A-Za-z_][A-Za-z0-9_]*"
# What Kubernetes calls a DNS label, a DNS subdomain, and the name of a label or of a resource.
DNS_LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
DNS_SUBDOMAIN = rf"(?=.{{1,253}}$){DNS_LABEL}(\.{DNS_LABEL})*"
QUALIFIED = rf"({DNS_SUBDOMAIN.replace('$)', '/)')}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?"
# What Airflow writes on the pods that it launches, whatever a task says.
LABELS_OF_AIRFLOW = (
    "airflow_kpo_in_cluster",
    "airflow_version",
    "airflow-worker",
    "already_checked",
    "dag_id",
    "kubernetes_executor",
    "kubernetes_pod_operator",
    "map_index",
    "run_id",
    "task_id",
    "try_number",
)


class Form(BaseModel):
    """A part of a DAG config."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _seconds(value: object) -> int:
    found = DURATION.fullmatch(value) if isinstance(value, str) else None
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    total = hours * 3600 + minutes * 60 + seconds
    if not total:
        raise ValueError("a duration such as 30s, 10m, 1h30m")
    return total


def json_value(value: Any) -> Any:
    """The value. Raises ValueError for one that JSON does not know."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("values that JSON knows; it has no infinity")
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("text as keys: quote them")
        return {key: json_value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [json_value(item) for item in value]
    if value is not None and not isinstance(value, str | int | float | bool):
        raise ValueError("values that JSON knows; quote dates and times")
    return value


def _as_text(value: object) -> object:
    return str(value) if type(value) in (int, float) else value


def _label_of_airflow(key: str) -> str:
    if key in LABELS_OF_AIRFLOW:
        raise ValueError("a label that Airflow does not write itself")
    return key


def _key_of_asset(key: str) -> str:
    if key != key.strip("/") or any(part in ("", ".", "..") for part in key.split("/")):
        raise ValueError("the key of an object in the bucket, such as data/prices/latest.parquet")
    return key


Item = TypeVar("Item")


def each_once(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """The items. Raises ValueError when one stands there twice."""
    if any(item in items[:position] for position, item in enumerate(items)):
        raise ValueError("each of them once")
    return items


def text_or_record(value: object) -> str:
    """The tag of one of two alternatives: a text, or a record of keys."""
    return OBJECT if isinstance(value, dict | BaseModel) else TEXT


def text_or_list(value: object) -> str:
    """The tag of one of two alternatives: a text, or a list."""
    return LIST if isinstance(value, list | tuple) else TEXT


def list_or_record(value: object) -> str:
    """The tag of one of two alternatives: a list, or a record of keys."""
    return LIST if isinstance(value, list | tuple) else OBJECT


Identifier = Annotated[
    str,
    Field(max_length=63),
    Matching("[a-z][a-z0-9]*(_[a-z0-9]+)*", "a letter, then small letters, digits and single underscores"),
]
Seconds = Annotated[
    int, BeforeValidator(_seconds), WithJsonSchema({"type": "string", "pattern": f"^{DURATION.pattern}$"})
]
Argument = Annotated[Any, AfterValidator(json_value)]
Text = Annotated[str, AfterValidator(without_nul)]
Words = Annotated[tuple[Text, ...], Field(max_length=1000)]
Arguments = Annotated[
    Annotated[dict[str, Argument], Tag(OBJECT)] | Annotated[Words, Tag(LIST)], Discriminator(list_or_record)
]
Quantity = Annotated[
    str,
    Matching(QUANTITY, "a Kubernetes quantity such as 500m, 1 or 256Mi"),
    BeforeValidator(_as_text, json_schema_input_type=str | int | float),
]
Entry = Annotated[str, Matching(rf"{WORD}(\.{WORD})*:{WORD}", "module:function")]
Callback = Annotated[
    str,
    Matching(
        rf"{WORD}(\.{WORD})*[.:]{WORD}",
        "module:function of the source folder, or package.module.function of Airflow's own environment",
    ),
]
Folder = Annotated[str, Matching("[A-Za-z0-9_][A-Za-z0-9_-]{0,99}", "the name of a folder beside this file")]
Folders = Annotated[
    Annotated[Folder, Tag(TEXT)]
    | Annotated[tuple[Folder, ...], Field(min_length=1, max_length=20), AfterValidator(each_once), Tag(LIST)],
    Discriminator(text_or_list),
]
Label = Annotated[str, Field(min_length=1, max_length=100)]
Name = Annotated[str, Matching(DNS_LABEL, "at most 63 lower-case letters, digits and hyphens")]
LongName = Annotated[str, Matching(DNS_SUBDOMAIN, "at most 253 lower-case letters, digits, hyphens and dots")]
QualifiedName = Annotated[
    str, Matching(QUALIFIED, "a name of at most 63 letters, digits, - _ and ., after a domain and / or alone")
]
PodLabel = Annotated[QualifiedName, AfterValidator(_label_of_airflow)]
PodLabelValue = Annotated[
    str,
    Matching("([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", "at most 63 letters, digits, - _ and ."),
]
FileKey = Annotated[
    str, Matching("[-._A-Za-z0-9]{1,253}", "a key of a Secret or ConfigMap: letters, digits, - _ and .")
]
MountPath = Annotated[
    str,
    Field(max_length=255),
    Matching(r"/[^\x00-\x1f\x7f:{}$]*", "an absolute path, without colons, braces and dollar signs"),
]
SubPath = Annotated[
    str,
    Field(max_length=255),
    Matching(
        r"(?!/)(?!(.*/)?\.\.(/|$))[^\x00-\x1f\x7f:{}$]+", "a relative path, without .., colons, braces and dollar signs"
    ),
]
ConnectionName = Annotated[str, Matching(r"[A-Za-z0-9_.\-]{1,200}", "a connection of Airflow's")]
AssetKey = Annotated[
    str,
    Field(max_length=1024),
    Matching(r"[A-Za-z0-9!_.*'()/=+@-]+", "the key of an object in the bucket, plain letters and no template"),
    AfterValidator(_key_of_asset),
]
AssetKeys = Annotated[tuple[AssetKey, ...], Field(max_length=200), AfterValidator(each_once)]
