from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from infra.chart_source import ChartSource, chart_source, check
from infra.settings import Chart
from pipelines.errors import InputError


def chart(**keys: Any) -> Chart:
    return Chart.model_validate(keys)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, ChartSource("airflow", "https://airflow.apache.org", "1.22.0")),
        (
            {"repository": "oci://ghcr.io/acme/charts/"},
            ChartSource("oci://ghcr.io/acme/charts/airflow", None, "1.22.0"),
        ),
        ({"path": "charts/airflow-1.22.0.tgz"}, ChartSource("charts/airflow-1.22.0.tgz", None, None)),
    ],
)
def test_the_three_sources(keys: dict[str, str], expected: ChartSource) -> None:
    assert chart_source(chart(**keys)) == expected


def test_an_archive_has_the_digest_that_the_stack_says(tmp_path: Path) -> None:
    archive = tmp_path / "airflow.tgz"
    archive.write_bytes(b"a chart")
    digest = f"sha256:{hashlib.sha256(b'a chart').hexdigest()}"
    check(chart(path=str(archive), digest=digest))
    check(chart(path=str(archive)))
    archive.write_bytes(b"another chart")
    with pytest.raises(InputError, match=digest):
        check(chart(path=str(archive), digest=digest))


@pytest.mark.parametrize(
    ("path", "found"), [(None, "no chart.path"), (".", "a folder"), ("absent.tgz", "no such file")]
)
def test_a_digest_is_of_an_archive(path: str | None, found: str) -> None:
    with pytest.raises(InputError, match=found):
        check(chart(path=path, digest="sha256:" + "0" * 64))
