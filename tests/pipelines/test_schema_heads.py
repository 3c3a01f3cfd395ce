from __future__ import annotations

import json
from pathlib import Path

import pytest
from packaging.version import Version

from pipelines import releases
from pipelines.schema_heads import HEADS, READ_IN, Schema, head_of, schema_for, versions_with
from tests.airflow_environment import run

OLD, NEW, NEXT = "509b94a1042d", "1d6611b6ab7c", "d2f4e1b3c5a7"
PROGRAM = """
import json, airflow.utils.db as db
from airflow.settings import engine
from alembic.script import ScriptDirectory
print(json.dumps([db._REVISION_HEADS_MAP, ScriptDirectory.from_config(db._get_alembic_config()).get_current_head()]))
"""


@pytest.mark.parametrize(
    ("airflow", "revision", "found"),
    [
        ("3.1.8", OLD, "fits"),
        ("3.1.8", NEW, "ahead"),
        ("3.2.2", OLD, "moves"),
        ("3.2.2", NEW, "fits"),
        ("3.2.2", NEXT, "ahead"),
        ("3.2.2", None, "empty"),
        ("3.2.2", "of-somebody-else", "unknown"),
        ("9.0.0", NEW, "unknown"),
        ("2.10.5", NEW, "unknown"),
    ],
)
def test_what_a_version_finds(airflow: str, revision: str | None, found: Schema) -> None:
    assert schema_for(airflow, revision) == found


def test_versions_stand_in_their_order_and_no_revision_twice() -> None:
    assert list(HEADS) == sorted(HEADS, key=Version)
    assert len(set(HEADS.values())) == len(HEADS)
    assert all(Version(since) <= Version(READ_IN) for since in HEADS)


def test_this_checkout_s_own_version_is_known() -> None:
    assert head_of(releases.AIRFLOW) == NEW
    assert versions_with(OLD) == "Airflow 3.1.8 or newer, before 3.2.0"
    assert versions_with(NEXT) == "Airflow 3.3.0 or newer"


@pytest.mark.airflow
def test_the_table_is_that_of_airflow_itself(tmp_path: Path) -> None:
    done = run(["-c", PROGRAM], tmp_path)
    assert done.returncode == 0, done.stdout
    known, head = json.loads(done.stdout.splitlines()[-1])
    ours = {since: revision for since, revision in HEADS.items() if Version(since) <= Version(releases.AIRFLOW)}
    assert ours == {since: revision for since, revision in known.items() if Version(since) >= Version("3.0.0")}
    assert head == head_of(releases.AIRFLOW)
