"""The DAGs' task code, in an environment that has their images' libraries."""

from pathlib import Path

import pytest

from tests.airflow_environment import checks_pass


@pytest.mark.airflow
def test_tasks(tmp_path):
    checks_pass(Path(__file__).with_name("inside") / "check_tasks.py", tmp_path)
