"""The table of moved names, tried in a real Airflow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adoption.moved import GONE, MOVED, now, removed
from tests.airflow_environment import checks_pass


@pytest.mark.airflow
def test_every_name_of_today_is_there_and_not_deprecated(tmp_path: Path) -> None:
    names = sorted({*MOVED.values(), *GONE.values()})
    checks_pass(Path(__file__).with_name("inside") / "check_moved.py", tmp_path, MOVED_NAMES=json.dumps(names))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("airflow.operators.bash_operator.BashOperator", "airflow.providers.standard.operators.bash.BashOperator"),
        ("airflow.decorators.task.kubernetes", "airflow.sdk.task.kubernetes"),
        ("airflow.models.Variable.get", "airflow.sdk.Variable.get"),
        ("airflow.modelsx.Variable", "airflow.modelsx.Variable"),
        ("os.path", "os.path"),
    ],
)
def test_now(before: str, after: str) -> None:
    assert now(before) == after


def test_removed() -> None:
    assert removed("airflow.contrib.hooks.aws_hook.AwsHook")
    assert not removed("airflow.operators.bash_operator.BashOperator")
    assert not removed("airflow.providers.cncf.kubernetes.operators.pod.KubernetesPodOperator")
