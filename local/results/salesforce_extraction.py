"""The warehouse's rows against what the stand-in holds: neither its REST API nor Airflow stands between them."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal

from local.results import Run
from local.services.salesforce.records import records
from local.services.warehouse_rows import rows

#: Object -> its table and columns, in the order of the fields of a record.
TABLES = {
    "Account": ("account", "id, name, industry, number_of_employees, annual_revenue, system_modstamp"),
    "Opportunity": ("opportunity", "id, account_id, name, stage_name, amount, close_date, system_modstamp"),
}
SHOWN = 3
UNAVAILABLE = 503


def check(run: Run) -> list[str]:
    """Every row, once, with every value; and that each load met the 503 and read every page."""
    wrong = []
    for entity, (table, columns) in TABLES.items():
        found = rows(run.client, f"SELECT {columns} FROM salesforce.{table}")  # noqa: S608 - names from above
        wrong += differences(entity, found)
        told = json.loads(run.bucket.get(f"{run.prefix}{entity.lower()}.json"))
        if UNAVAILABLE not in told["refused"]:
            wrong.append(f"{entity}: no 503 was met, so none was survived: {told['refused']}")
        if told["rows_before"] not in (0, told["rows_after"]):
            wrong.append(f"{entity}: {told['rows_before']} rows before the run, {told['rows_after']} after it")
    return wrong


def differences(entity: str, found: list[tuple[object, ...]]) -> list[str]:
    """What is wrong with the rows of an object, one sentence each for the first few."""
    expected = {str(record["Id"]): tuple(map(_as_stored, record.items())) for record in records()[entity]}
    by_id = {str(row[0]): tuple(row) for row in found}
    wrong = [f"{entity}: {len(found)} rows, expected {len(expected)}"] if len(found) != len(expected) else []
    for key in sorted(expected.keys() | by_id.keys()):
        if by_id.get(key) != expected.get(key):
            wrong.append(f"{entity} {key} is {by_id.get(key)}, expected {expected.get(key)}")
    return wrong[: SHOWN + 1]


def _as_stored(pair: tuple[str, object]) -> object:
    field, value = pair
    if field == "SystemModstamp":
        return datetime.fromisoformat(str(value))
    if field == "CloseDate":
        return date.fromisoformat(str(value))
    return Decimal(repr(value)) if isinstance(value, float) else value
