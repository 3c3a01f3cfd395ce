"""Which revision of Airflow's metadata schema each version of Airflow brings the database to.

Read in ``_REVISION_HEADS_MAP`` of ``airflow/utils/db.py``, in the package apache-airflow-core of ``READ_IN``: Airflow
keeps there what ``airflow db downgrade --to-version`` needs. A version that is not named has the head of the one
before it.
"""

from __future__ import annotations

from typing import Literal

from packaging.version import Version

#: The table holds all that was released before this version, and this version.
READ_IN = "3.3.2"
HEADS = {
    "3.0.0": "29ce7909c52b",
    "3.0.3": "fe199e1abd77",
    "3.1.0": "cc92b33c6709",
    "3.1.8": "509b94a1042d",
    "3.2.0": "1d6611b6ab7c",
    "3.3.0": "d2f4e1b3c5a7",
}

#: What a version finds: its own schema, none, an older one, a newer one, or one that this table does not know.
Schema = Literal["fits", "empty", "moves", "ahead", "unknown"]


def head_of(airflow: str) -> str | None:
    """The revision that a version of Airflow brings the schema to; None where this table knows none."""
    version = Version(airflow)
    if version > Version(READ_IN):
        return None
    heads = [head for since, head in HEADS.items() if Version(since) <= version]
    return heads[-1] if heads else None


def versions_with(revision: str) -> str:
    """The versions of Airflow whose schema a revision is, in words."""
    numbered = list(HEADS.items())
    for (since, head), following in zip(numbered, [*numbered[1:], None], strict=True):
        if head == revision:
            return f"Airflow {since} or newer, before {following[0]}" if following else f"Airflow {since} or newer"
    return "an Airflow that pipelines/schema_heads.py does not know"


def schema_for(airflow: str, revision: str | None) -> Schema:
    """What a version of Airflow finds in a database at ``revision``; None is a database without a schema."""
    if revision is None:
        return "empty"
    head, order = head_of(airflow), list(HEADS.values())
    if head == revision:
        return "fits"
    if head is None or revision not in order:
        return "unknown"
    return "ahead" if order.index(revision) > order.index(head) else "moves"
