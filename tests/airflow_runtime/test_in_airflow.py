"""What needs the real Airflow: every ``inside/check_*.py``, run by the pytest of an environment that has it."""

from pathlib import Path

import pytest

from tests.airflow_environment import checks_pass

CHECKS = sorted(Path(__file__).with_name("inside").glob("check_*.py"))


@pytest.mark.airflow
@pytest.mark.parametrize("file", CHECKS, ids=lambda file: file.stem)
def test_in_airflow(file, tmp_path):
    checks_pass(file, tmp_path)
