"""What the network policies cannot know by themselves: where things outside the two namespaces are."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from infra.settings_record import Record
from infra.settings_types import AddressRange

Port = Annotated[int, Field(gt=0, le=65535)]


def _some(ports: tuple[Port, ...]) -> tuple[Port, ...]:
    if not ports:
        raise ValueError("at least one port")
    return ports


class Outside(Record):
    """Addresses outside the cluster and their ports."""

    ranges: Annotated[tuple[AddressRange, ...], Field(strict=False)] = ("0.0.0.0/0", "::/0")
    ports: Annotated[tuple[Port, ...], Field(strict=False), AfterValidator(_some)]


class Network(Record):
    """``kubernetes_api`` is where the API server answers, behind its Service too; ``sources`` is what tasks may reach;
    ``services`` is what Airflow itself needs outside: an external object store, database, log-in."""

    kubernetes_api: Outside = Outside(ports=(443, 6443))
    sources: Outside = Outside(ports=(22, 80, 443, 1433, 1521, 3306, 5432, 5439, 27017))
    services: Outside = Outside(ports=(443, 5432))
