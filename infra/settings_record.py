"""What every part of the settings is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from infra.settings_types import Cpu, Memory


class Record(BaseModel):
    """A part of the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, strict=True)


class Amounts(Record):
    """CPU in cores or millicores, memory in bytes with a binary suffix."""

    cpu: Cpu
    memory: Memory


class Resources(Record):
    """What a container asks for and what it may use at most."""

    requests: Amounts
    limits: Amounts


def resources(cpu: str, memory: str, cpu_limit: str, memory_limit: str) -> Resources:
    """The record of the four amounts."""
    return Resources(requests=Amounts(cpu=cpu, memory=memory), limits=Amounts(cpu=cpu_limit, memory=memory_limit))


class Quota(Record):
    """What all pods of one namespace may ask for and use together."""

    pods: Annotated[int, Field(gt=0)]
    requests: Amounts
    limits: Amounts
