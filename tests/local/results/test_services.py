"""The checks of what the extraction and the models should have left find what is wrong."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from local.results import dbt_models, salesforce_extraction
from local.services.salesforce.records import records


def stored(entity: str) -> list[tuple[Any, ...]]:
    return [tuple(map(salesforce_extraction._as_stored, record.items())) for record in records()[entity]]


@pytest.mark.parametrize("entity", ["Account", "Opportunity"])
def test_every_row_is_compared(entity: str) -> None:
    rows = stored(entity)
    assert salesforce_extraction.differences(entity, rows) == []
    assert len(salesforce_extraction.differences(entity, rows[1:])) == 2
    assert len(salesforce_extraction.differences(entity, [*rows, rows[0]])) == 1
    changed = [(*rows[0][:2], "other", *rows[0][3:]), *rows[1:]]
    assert len(salesforce_extraction.differences(entity, changed)) == 1


def test_the_marts_agree_with_each_other() -> None:
    won = next(row for row in dbt_models.by_stage() if row[0] == "Closed Won")
    accounts: list[Any] = dbt_models.by_account()
    assert sum(row[2] for row in accounts) == won[1]
    assert sum((row[3] for row in accounts), Decimal(0)) == won[2]


def test_a_failed_test_or_a_missing_model_is_found() -> None:
    states = {f"model.revenue.{name}": "success" for name in dbt_models.MODELS}
    states |= {f"test.revenue.t{number}": "pass" for number in range(dbt_models.TESTS)}
    manifest: Any = {"nodes": dict.fromkeys(states)}

    def told(**changes: str) -> list[str]:
        found = {**states, **changes}
        return dbt_models.artifacts(
            manifest, {"results": [{"unique_id": name, "status": state} for name, state in found.items()]}
        )

    assert told() == []
    assert told(**{"test.revenue.t0": "fail"})
    assert told(**{"model.revenue.stg_accounts": "error"})
    assert told(**{"test.revenue.unknown": "pass"})
