"""Which DAGs run, and in which order."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from local import results, smoke
from pipelines.errors import InputError

ALL = ("cost_of_living", "dbt_models", "lakehouse_summary", "salesforce_extraction")
SOURCES: Any = SimpleNamespace(dags=[SimpleNamespace(dag_id=dag) for dag in ALL])


def test_a_dag_runs_after_what_it_reads_from() -> None:
    assert smoke.chosen((), SOURCES) == ("cost_of_living", "salesforce_extraction", "dbt_models", "lakehouse_summary")
    assert smoke.chosen(("dbt_models",), SOURCES) == ("salesforce_extraction", "dbt_models")
    assert set(smoke.chosen(smoke.BRIEF, SOURCES)) == set(smoke.BRIEF)


def test_a_dag_without_a_config_is_refused() -> None:
    with pytest.raises(InputError, match="did you mean 'dbt_models'"):
        smoke.chosen(("dbt_model",), SOURCES)


def test_a_dag_that_nobody_checks_runs_all_the_same() -> None:
    assert results.check_of("letters") is None
    assert results.in_order(("letters",), ("letters",)) == ("letters",)
