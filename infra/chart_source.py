"""Where Helm finds Airflow's chart: in a repository, in a registry, or in a file of this machine."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from infra.settings import Chart
from pipelines.errors import InputError, Problem

NAME = "airflow"
OCI = "oci://"
KEY = "chart.digest"


@dataclass(frozen=True)
class ChartSource:
    """What a release takes: the chart, and its repository and version where these are not part of that."""

    chart: str
    repository: str | None
    version: str | None


def chart_source(chart: Chart) -> ChartSource:
    """Three forms, one record. Helm itself takes no ``--repo`` for a registry."""
    if chart.path:
        return ChartSource(chart.path, None, None)
    if chart.repository.startswith(OCI):
        return ChartSource(f"{chart.repository.rstrip('/')}/{NAME}", None, chart.version)
    return ChartSource(NAME, chart.repository, chart.version)


def check(chart: Chart) -> None:
    """Raise InputError unless an archive has the digest that the stack says it has."""
    if chart.digest is None:
        return
    if chart.path is None:
        fix = "set chart.path to the archive, or remove chart.digest"
        raise InputError([Problem(KEY, "", "no chart.path", "an archive, whose digest it is", fix)])
    path = Path(chart.path)
    if not path.is_file():
        found = "a folder" if path.is_dir() else "no such file"
        fix = "helm package it, or correct chart.path"
        raise InputError([Problem(chart.path, KEY, found, "an archive (.tgz)", fix)])
    digest = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    if digest != chart.digest:
        fix = "fetch the archive again; where the new one is meant, correct chart.digest"
        raise InputError([Problem(chart.path, KEY, digest, chart.digest, fix)])
