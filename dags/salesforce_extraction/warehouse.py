"""Rows into Postgres by their key: what is there is brought up to date, what is not is added."""

from __future__ import annotations

from collections.abc import Sequence

from airflow.providers.postgres.hooks.postgres import PostgresHook
from entities import SCHEMA, Entity

# Any number, the same in every run: two loads at a time would both try to make the schema.
LOCK = 7_241_885_603


def upsert(connection_id: str, entity: Entity, rows: Sequence[tuple[object, ...]]) -> tuple[int, int]:
    """Write the rows in one transaction. Returns how many rows the table had before and has after it."""
    # From the code beside this file alone, so no text of Salesforce's is part of a statement.
    table = f"{SCHEMA}.{entity.table}"
    key, *others = [column.name for column in entity.columns]
    kinds = ", ".join(f"{column.name} {column.kind}" for column in entity.columns)
    names = ", ".join((key, *others))
    marks = ", ".join(["%s"] * len(entity.columns))
    changes = ", ".join(f"{name} = excluded.{name}" for name in others)
    with PostgresHook(connection_id).get_conn() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {table} ({kinds}, PRIMARY KEY ({key}))")
        before = _count(cursor, table)
        cursor.executemany(
            f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT ({key}) DO UPDATE SET {changes}",  # noqa: S608
            rows,
        )
        after = _count(cursor, table)
        connection.commit()
    return before, after


def _count(cursor, table: str) -> int:
    cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - a name of ours
    return cursor.fetchone()[0]
