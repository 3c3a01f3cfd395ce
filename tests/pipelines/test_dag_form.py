"""Single fields of a DAG config."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from pipelines.dag_form import Schedule
from pipelines.dag_form_pod import Resources
from pipelines.dag_form_values import Argument, Quantity, Seconds
from pipelines.text_forms import EnvironmentVariable
from tests.pipelines.trees import FIXTURE

ROOT = Path(__file__).parents[2]


def accepts(form: object, value: object) -> bool:
    try:
        TypeAdapter(form).validate_python(value)
    except ValidationError:
        return False
    return True


@given(st.integers(0, 99), st.integers(0, 999), st.integers(0, 9999))
def test_durations(hours, minutes, seconds):
    text = "".join(f"{number}{unit}" for number, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if number)
    if text:
        assert TypeAdapter(Seconds).validate_python(text) == hours * 3600 + minutes * 60 + seconds


@pytest.mark.parametrize("value", ["", "0s", "10", 10, None, "1.5h", "10 m", "-1m", "1m1h", "1d", "\u0661h"])
def test_no_durations(value):
    assert not accepts(Seconds, value)


@pytest.mark.parametrize("value", ["@daily", "0 0 * * *", "*/5 1-3 * jan mon", "0 0 L * *", "30 6 * * 1-5"])
def test_schedules(value):
    assert accepts(Schedule, value)


@pytest.mark.parametrize(
    "value", ["", "@fortnightly", "* * * *", "* * * * * *", "61 * * * *", "0 0 30 2 *", "a b c d e", "0 0 * * *; ls", 5]
)
def test_no_schedules(value):
    assert not accepts(Schedule, value)


def test_schedules_have_single_spaces():
    assert TypeAdapter(Schedule).validate_python("0  0 * *\n*\n") == "0 0 * * *"


@given(st.text())
def test_any_schedule_is_accepted_or_refused(text):
    accepts(Schedule, text)


@pytest.mark.parametrize("value", ["1", "500m", "0.5", "256Mi", "1G", 1, 0.5])
def test_quantities(value):
    assert accepts(Quantity, value)


@pytest.mark.parametrize("value", ["", "1 Gi", "-1", "1.5.5", "1gb", "Mi", True, None, "1e3", "1\n"])
def test_no_quantities(value):
    assert not accepts(Quantity, value)


@pytest.mark.parametrize(
    ("asked", "limit", "fits"),
    [("1", "1000m", True), ("1Gi", "1G", False), ("1024Mi", "1Gi", True), ("1500m", "1", False), ("1k", "1Ki", True)],
)
def test_limits_hold_requests(asked, limit, fits):
    form = {"requests": {"cpu": asked, "memory": "1"}, "limits": {"cpu": limit, "memory": "1"}}
    assert accepts(Resources, form) is fits


@pytest.mark.parametrize(
    "value", ["AWS_REGION", "TASK_ENTRY", "AIRFLOW__CORE__X", "OBJECT_STORE_BUCKET", "a b", "1A", "", "é"]
)
def test_no_variables(value):
    assert not accepts(EnvironmentVariable, value)
    assert accepts(EnvironmentVariable, "MPLBACKEND")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1: 2}, [{None: 1}], b"x", {"a": {1, 2}}])
def test_no_arguments(value):
    assert not accepts(Argument, value)


@pytest.mark.parametrize("config", [*(ROOT / "dags").glob("*.yaml")], ids=lambda path: path.name)
def test_configs_tell_editors_where_the_schema_is(config):
    assert config.read_text().startswith("# yaml-language-server: $schema=schema.json\n")
    assert FIXTURE.is_dir()
