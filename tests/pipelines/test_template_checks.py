"""Names in templates that Airflow does not have."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from pipelines.dag_config import check_dags
from pipelines.template_checks import CONTEXT, MACROS, REMOVED
from tests.airflow_environment import airflow_python
from tests.pipelines.trees import catalog, copy_tree, edit

CATALOG = catalog()
BAD = {
    "{{ dss }}": ("the variable 'dss'", "did you mean 'ds'?"),
    "{{ execution_date }}": ("the variable 'execution_date'", "write {{ logical_date }}"),
    "{{ tomorrow_ds }}": ("the variable 'tomorrow_ds'", "write {{ macros.ds_add(ds, 1) }}"),
    "{{ item }}": ("the variable 'item'", "only a task with expand has an item"),
    "{{ conf.get('a', 'b') }}": ("the variable 'conf'", "Airflow's configuration is not there"),
    "{% for a in b %}{{ a }}{% endfor %}": ("the variable 'b'", "correct it"),
    "{{ macros.ds_ad(ds, 1) }}": ("the macro 'ds_ad'", "did you mean 'ds_add'?"),
    "{{ params.city }}": ("the parameter 'city'", "add params.city"),
    "{{ __import__('os') }}": ("the variable '__import__'", "correct it"),
}
GOOD = (
    "{{ ds }} {{ ti.try_number }} {{ dag_run.conf.get('a') }} {{ range(3) | list }}",
    "{% set a = ds %}{{ a }}{% for b in range(2) %}{{ loop.index }}{{ b }}{% endfor %}",
    "{{ macros.ds_add(ds, 1) }} {{ params.get('city', 'Graz') }} {{ params['city'] }}",
)


def problems(tmp_path: Path, text: str):
    dags = copy_tree(tmp_path / "tree") / "dags"
    edit(dags / "letters.yaml", "from {{ ds }}", text)
    return check_dags(dags, CATALOG).problems


@pytest.mark.parametrize("text", BAD)
def test_unknown(tmp_path: Path, text: str) -> None:
    found, fix = BAD[text]
    [problem] = problems(tmp_path, text)
    assert (problem.file, problem.key) == ("dags/letters.yaml:11:23", "tasks.count.arguments.text")
    assert problem.found == found
    assert fix in problem.fix


@pytest.mark.parametrize("text", GOOD)
def test_known(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text) == ()


@pytest.mark.airflow
def test_airflow_has_these_names_and_not_those() -> None:
    code = (
        "import json; from airflow.sdk.definitions.context import KNOWN_CONTEXT_KEYS as keys;"
        "import airflow.sdk.execution_time.macros as macros; print(json.dumps([sorted(keys), dir(macros)]))"
    )
    done = subprocess.run([airflow_python(), "-c", code], capture_output=True, text=True, check=True)
    keys, macros = json.loads(done.stdout.splitlines()[-1])
    # Of callbacks, of the operator's own arguments, or not set at all.
    elsewhere = {"exception", "reason", "templates_dict", "test_mode", "try_number"}
    assert set(CONTEXT) == set(keys) - elsewhere
    assert not set(REMOVED) & (set(keys) - elsewhere)
    assert set(MACROS) <= set(macros)
