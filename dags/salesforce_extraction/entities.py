"""Which records of Salesforce become which rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

SCHEMA = "salesforce"
# Salesforce's smallest page.
BATCH = 200


@dataclass(frozen=True)
class Column:
    """A field of a record, its column, and the column's type in Postgres."""

    field: str
    name: str
    kind: str


@dataclass(frozen=True)
class Entity:
    """One object of Salesforce's and its table; the first column is the key."""

    name: str
    table: str
    columns: tuple[Column, ...]

    @property
    def query(self) -> str:
        return f"SELECT {', '.join(column.field for column in self.columns)} FROM {self.name} ORDER BY Id"  # noqa: S608

    def row(self, record: Mapping[str, object]) -> tuple[object, ...]:
        """The record's values in the order of the columns; money as Salesforce wrote it, no float."""
        return tuple(_exact(record[column.field]) for column in self.columns)


def _exact(value: object) -> object:
    return Decimal(repr(value)) if isinstance(value, float) else value


ENTITIES = {
    entity.name: entity
    for entity in (
        Entity(
            "Account",
            "account",
            (
                Column("Id", "id", "text"),
                Column("Name", "name", "text"),
                Column("Industry", "industry", "text"),
                Column("NumberOfEmployees", "number_of_employees", "integer"),
                Column("AnnualRevenue", "annual_revenue", "numeric(18, 2)"),
                Column("SystemModstamp", "system_modstamp", "timestamptz"),
            ),
        ),
        Entity(
            "Opportunity",
            "opportunity",
            (
                Column("Id", "id", "text"),
                Column("AccountId", "account_id", "text"),
                Column("Name", "name", "text"),
                Column("StageName", "stage_name", "text"),
                Column("Amount", "amount", "numeric(18, 2)"),
                Column("CloseDate", "close_date", "date"),
                Column("SystemModstamp", "system_modstamp", "timestamptz"),
            ),
        ),
    )
}
