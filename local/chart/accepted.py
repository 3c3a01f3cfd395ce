"""The differences from the official chart that are meant, each with its reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from local.chart.objects import Difference


@dataclass(frozen=True)
class Accepted:
    """Differences whose object and field match these shell patterns."""

    object: str
    field: str
    reason: str


_SETTINGS = "ConfigMap/airflow-config"

ACCEPTED = (
    Accepted("*", "metadata.labels.chart", "names the chart an object comes from"),
    Accepted(_SETTINGS, "data.airflow.cfg.celery*", "no Celery executor"),
    Accepted(_SETTINGS, "data.airflow.cfg.elasticsearch*", "logs are in the object store"),
    Accepted(_SETTINGS, "data.airflow.cfg.fab", "no FAB auth manager"),
    Accepted(_SETTINGS, "data.airflow.cfg.kerberos", "no Kerberos"),
    Accepted(_SETTINGS, "data.airflow.cfg.metrics", "off, as Airflow has it by default"),
    Accepted(_SETTINGS, "data.airflow.cfg.traces", "off, as Airflow has it by default"),
    Accepted(_SETTINGS, "data.airflow.cfg.webserver", "read by Airflow 2 only"),
    Accepted("Secret/airflow-broker-url", "", "no Celery executor, so nothing reads it"),
    Accepted("Deployment/*", "*.annotations.checksum/airflow-config", "hashes this chart's own ConfigMap"),
    Accepted(
        "Deployment/*",
        "*.annotations.checksum/*",
        "hashes of templates that are empty for these values, so constants",
    ),
    Accepted("Deployment/*", "*Probe.exec.command", "the same check with the same settings, without a shell"),
)


def reason(difference: Difference) -> str | None:
    """Why the difference is meant, by the first entry that fits; None when it is not."""
    return next((entry.reason for entry in ACCEPTED if _fits(entry, difference)), None)


def unused(found: Iterable[Difference]) -> tuple[Accepted, ...]:
    """Entries that fit none of the differences, and so have outlived them."""
    known = tuple(found)
    return tuple(entry for entry in ACCEPTED if not any(_fits(entry, difference) for difference in known))


def _fits(entry: Accepted, difference: Difference) -> bool:
    return fnmatchcase(difference.object, entry.object) and fnmatchcase(difference.field, entry.field)
