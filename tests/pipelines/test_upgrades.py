from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipelines.images import Image
from pipelines.upgrades import (
    COMPONENTS,
    Running,
    Wanted,
    dump_for,
    revision_of,
    schema_ahead,
    upgrade_plan,
    upgrade_problems,
)

OLD, NEW = "509b94a1042d", "1d6611b6ab7c"


def image(name: str, tag: str, **more: Any) -> Image:
    known: dict[str, Any] = {
        "version": "1.0.0",
        "profile": "task",
        "base": None,
        "upstream": None,
        "dag_types": () if name.startswith("bases/") else (name,),
        "reference": f"ghcr.io/acme/x-{name.replace('/', '-')}:{tag}",
        **more,
    }
    fields = Image.__dataclass_fields__
    return Image(**{"name": name, **{key: known.get(key, ()) for key in fields if key != "name"}})


IMAGES = (
    image("bases/task", "a", profile="base", upstream="python:3.13-slim-trixie"),
    image("bases/worker", "b", profile="base", upstream="apache/airflow:3.2.2-python3.13"),
    image("geo", "c", base="bases/task"),
    image("lakehouse", "d", profile="worker", base="bases/worker"),
)
WANTED = Wanted("3.2.2", "3.13", "1.22.0", IMAGES)
SERVED = {"geo": "ghcr.io/acme/x-geo:c", "lakehouse": "ghcr.io/acme/x-lakehouse:d"}
NOW = Running("3.2.2", "3.13", "1.22.0", NEW, SERVED)
BEFORE = Running("3.1.8", "3.13", "1.20.0", OLD, {**SERVED, "lakehouse": "ghcr.io/acme/x-lakehouse:old"})


def test_nothing_to_do_is_nothing() -> None:
    plan = upgrade_plan(NOW, WANTED, backup=True)
    assert (plan.changes, plan.schema, plan.restarts, plan.rebuilt, plan.steps) == ((), "fits", (), (), ())


def test_another_airflow_moves_the_schema_restarts_all_and_rebuilds_workers_only() -> None:
    plan = upgrade_plan(BEFORE, WANTED, backup=True)
    assert plan.changes == (("Airflow", "3.1.8", "3.2.2"), ("chart", "1.20.0", "1.22.0"))
    assert plan.moves
    assert plan.restarts == COMPONENTS
    assert [(one.name, one.why) for one in plan.rebuilt] == [
        ("bases/worker", "stands on apache/airflow:3.2.2-python3.13"),
        ("lakehouse", "runs Airflow 3.1.8 for Python 3.13"),
    ]


def test_the_dump_goes_before_the_migration_the_migration_before_the_release_and_dags_come_last() -> None:
    words = ("build", "dump", "airflow db migrate", "Helm release", "publish")
    for step, word in zip(upgrade_plan(BEFORE, WANTED, backup=True).steps, words, strict=True):
        assert step.startswith(word)
    assert not any("dump" in step for step in upgrade_plan(BEFORE, WANTED, backup=False).steps)


def test_a_patch_that_moves_no_schema_says_so() -> None:
    plan = upgrade_plan(replace(NOW, airflow="3.2.1"), WANTED, backup=False)
    assert not plan.moves
    assert plan.steps[0] == "airflow db migrate, by a Job of the new image, which changes nothing"


def test_a_first_deployment_has_nothing_to_dump_from() -> None:
    plan = upgrade_plan(Running(None, None, None, None, {}), WANTED, backup=True)
    assert plan.changes[0] == ("Airflow", "nothing", "3.2.2")
    assert plan.schema == "empty"
    assert {one.why for one in plan.rebuilt if one.name in SERVED} == {"no DAG in service names it yet"}


@pytest.mark.parametrize("revision", ["d2f4e1b3c5a7", "somebody-s-own"])
def test_a_database_that_the_checkout_cannot_read_is_refused(revision: str) -> None:
    (problem,) = upgrade_problems("prod", replace(NOW, revision=revision), WANTED)
    assert revision in problem.found
    assert upgrade_problems("prod", NOW, WANTED) == upgrade_problems("prod", BEFORE, WANTED) == []


def test_the_refusal_tells_the_way_out() -> None:
    problem = schema_ahead("prod", NEW, "3.1.8", "v1")
    assert problem.found == f"revision {NEW}, of Airflow 3.2.0 or newer, before 3.3.0"
    assert problem.expected == f"revision {OLD}, of Airflow 3.1.8"
    assert "stacks rollback prod v1 --restore newest" in problem.fix


def test_a_version_takes_the_newest_dump_of_its_own_schema() -> None:
    keys = [
        f"backups/20260203T040506Z-{OLD}.dump",
        f"backups/20260204T040506Z-{OLD}.dump",
        f"backups/20260205T040506Z-{NEW}.dump",
    ]
    assert dump_for("3.1.8", keys) == keys[1]
    assert dump_for("3.2.0", keys) == keys[2]
    assert dump_for("3.0.0", keys) is None
    assert revision_of(keys[2]) == NEW
