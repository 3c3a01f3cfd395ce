"""The hand-written DAG of the documentation, and its test on a laptop, in the real Airflow."""

import re
import shutil
from pathlib import Path

import pytest

from pipelines.dag_config import check_dags
from tests.airflow_environment import ROOT, run
from tests.dags.test_generated_dags import catalog, unpack

EXECUTORS = ("LocalExecutor", "KubernetesExecutor")
PAGE = (ROOT / "docs/hand-written-dags.md").read_text()
DAG, TEST = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """``dags/`` of the repository with the example in it, beside what ``dags build`` writes."""
    shutil.copytree(ROOT / "dags", tmp_path / "dags")
    (tmp_path / "dags/accounts.py").write_text(DAG)
    return tmp_path


def test_the_example_asks_for_what_there_is(checkout: Path) -> None:
    assert check_dags(checkout / "dags", catalog(*EXECUTORS)).problems == ()


@pytest.mark.airflow
def test_it_loads_on_a_laptop_as_the_page_tests_it(checkout: Path) -> None:
    unpack(checkout / "build/dags", checkout / "dags", EXECUTORS)
    (checkout / "test_dags.py").write_text(f"{TEST}\n\ndef test_it():\n    assert 'accounts' in DagBag('dags').dags\n")
    [executor] = re.findall(r"`AIRFLOW__CORE__EXECUTOR=(.*?)`", PAGE)
    assert executor == ",".join(EXECUTORS)
    done = run(["-m", "pytest", "-q", "test_dags.py"], checkout, AIRFLOW__CORE__EXECUTOR=executor)
    assert "2 passed" in done.stdout, done.stdout
