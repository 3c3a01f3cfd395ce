"""Images of others that pods run, taken from copies in a registry of one's own: images.mirror."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel

from infra.settings import Settings
from registry.reference import Reference

PORT = re.compile(r"--(?=\d+$)")
Change = Callable[[str], str]
#: Where settings name an image of others; what a stack does not have is left out.
PLACES: tuple[tuple[str, ...], ...] = (
    ("airflow", "metrics", "image"),
    ("database", "backup", "image"),
    ("database", "image"),
    ("object_store", "image"),
    ("tasks", "xcom_sidecar_image"),
)
#: Of the chart's own: only a stack with a pool has them, under these tags of Airflow's repository.
PGBOUNCER_TAGS = ("airflow-pgbouncer-2025.03.05-1.23.1", "airflow-pgbouncer-exporter-2025.03.05-0.18.0")


def mirrored(settings: Settings) -> Settings:
    """The settings with every such image under the mirror's name, Airflow's own too; as they are without a mirror."""
    mirror = settings.images.mirror
    if mirror is None:
        return settings
    changed: Any = settings
    for place in PLACES:
        changed = _changed(changed, place, lambda reference: copy_of(mirror, reference))
    found: Settings = _changed(changed, ("airflow", "repository"), lambda name: _repository(mirror, name))
    return found


def copy_of(mirror: str, reference: str) -> str:
    """What the mirror calls an image: ``<mirror>/docker.io/library/busybox:1.37.0-musl``."""
    parsed = Reference.parse(reference)
    tag, digest = (f":{parsed.tag}" if parsed.tag else "", f"@{parsed.digest}" if parsed.digest else "")
    return f"{_repository(mirror, reference)}{tag}{digest}"


def original_of(mirror: str, reference: str) -> str:
    """The image that a copy is of."""
    server, _, rest = reference.removeprefix(f"{mirror}/").partition("/")
    return f"{PORT.sub(':', server)}/{rest}"


def of_others(settings: Settings) -> tuple[str, ...]:
    """The references of all images that the stack's pods run and that it does not build, as the settings have them."""
    found = [settings.airflow.image, *(one for place in PLACES if (one := _at(settings, place)))]
    if settings.database.pool:
        found += [f"{settings.airflow.repository}:{tag}" for tag in PGBOUNCER_TAGS]
    return tuple(sorted(set(found)))


def _repository(mirror: str, reference: str) -> str:
    parsed = Reference.parse(reference)
    # No colon may stand in a repository's name.
    return f"{mirror}/{parsed.server.replace(':', '--')}/{parsed.repository}"


def _at(record: object, place: Sequence[str]) -> str | None:
    for name in place:
        record = getattr(record, name, None)
    return record if isinstance(record, str) else None


def _changed(record: Any, place: Sequence[str], change: Change) -> Any:
    name, *rest = place
    found = getattr(record, name, None)
    if found is None:
        return record
    value = _changed(found, rest, change) if isinstance(found, BaseModel) else change(found)
    return record.model_copy(update={name: value})
