"""What needs the real Airflow: every ``inside/check_*.py``, run by the pytest of an environment that has it."""

from pathlib import Path

import pytest

from tests.airflow_environment import run

CHECKS = sorted(Path(__file__).with_name("inside").glob("check_*.py"))


@pytest.mark.airflow
@pytest.mark.parametrize("file", CHECKS, ids=lambda file: file.stem)
def test_in_airflow(file, tmp_path):
    options = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", "-o", "python_files=check_*.py"]
    done = run([*options, "--rootdir", str(file.parent), str(file)], tmp_path)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
