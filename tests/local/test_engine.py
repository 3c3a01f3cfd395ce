from __future__ import annotations

from pathlib import Path

import pytest

from local.engine import STAND_IN, Choice, choose, record, recorded
from pipelines.errors import InputError
from tests.local.fake_cluster import FakeCluster

DIRECT = Choice("direct", "stand-in", STAND_IN)


def decide(
    environment: dict[str, str], kept: Choice | None = None, *, cli: bool = False, downloadable: bool = False
) -> Choice:
    return choose(environment, kept, lambda: cli, lambda: downloadable)


def test_the_first_up_takes_what_is_there() -> None:
    assert decide({}) == DIRECT
    assert decide({}, cli=True, downloadable=True) == Choice("pulumi", "official", None)


def test_the_environment_decides_before_what_is_there(tmp_path: Path) -> None:
    assert decide({"APPLY": "direct", "CHART": "stand-in"}, cli=True, downloadable=True) == DIRECT
    assert decide({"AIRFLOW_CHART": str(tmp_path)}) == Choice("direct", "official", str(tmp_path))


def test_a_chart_is_recorded_for_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("airflow").mkdir()
    assert decide({"AIRFLOW_CHART": "airflow"}).chart_path == str(tmp_path / "airflow")


def test_what_is_recorded_is_kept(tmp_path: Path) -> None:
    assert decide({}, DIRECT, cli=True, downloadable=True) == DIRECT
    official = Choice("pulumi", "official", str(tmp_path))
    assert decide({}, official, cli=True) == official


@pytest.mark.parametrize(
    ("environment", "kept", "message"),
    [
        ({"APPLY": "terraform"}, None, r"APPLY\n +found: +terraform\n +expected: pulumi or direct"),
        ({"CHART": "latest"}, None, r"CHART\n +found: +latest\n +expected: official or stand-in"),
        ({"APPLY": "pulumi"}, DIRECT, r"expected: direct, which made what is there\n +fix: .*make purge"),
        ({"CHART": "official"}, DIRECT, r"expected: stand-in, which made what is there\n +fix: .*make purge"),
        ({"AIRFLOW_CHART": "."}, DIRECT, r"AIRFLOW_CHART\n +found: +\.\n +expected: none: the stand-in"),
        ({"APPLY": "pulumi"}, None, r"found: +no pulumi"),
        ({}, Choice("pulumi", "stand-in", STAND_IN), r"found: +no pulumi"),
        ({"CHART": "official"}, None, r"found: +no answer from the chart's repository"),
        ({"AIRFLOW_CHART": "/nowhere/airflow"}, None, r"found: +/nowhere/airflow"),
    ],
)
def test_what_cannot_be_is_refused(environment: dict[str, str], kept: Choice | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        decide(environment, kept)


def test_all_wrong_variables_are_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        decide({"APPLY": "x", "CHART": "y"})
    assert {problem.key for problem in caught.value.problems} == {"APPLY", "CHART"}


def test_the_record_survives() -> None:
    cluster = FakeCluster()
    assert recorded(cluster.client(), "airflow") is None
    record(cluster.client(), "airflow", DIRECT)
    assert recorded(cluster.client(), "airflow") == DIRECT


def test_a_namespace_of_somebody_else_is_refused() -> None:
    cluster = FakeCluster()
    cluster.objects["namespaces", "", "airflow"] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {}}
    with pytest.raises(InputError, match="make up has not made"):
        recorded(cluster.client(), "airflow")
