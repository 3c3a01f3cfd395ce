"""The main job on the running platform, by each engine that can be had."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lightkube.resources.core_v1 import ConfigMap, Pod

from local.services import SERVICES
from local.services import held as kept
from local.services.salesforce.records import ACCOUNTS, OPPORTUNITIES
from local.services.service import NAMESPACE
from local.services.warehouse_rows import rows
from tests.conftest import Deployed
from tests.platform.commands import run
from tests.platform.observed import api_of, published

pytestmark = pytest.mark.platform
# What runs in the cluster, and what is searched there, is the same whoever applied it.
one_engine = pytest.mark.parametrize("deployed", ["the engine that is there"], indirect=True, scope="session")

TASKS = {
    ("cost_of_living", "extract", "cost-of-living"),
    ("cost_of_living", "adjust", "cost-of-living"),
    ("cost_of_living", "report", "cost-of-living"),
    ("lakehouse_summary", "summarise", "lakehouse"),
    ("salesforce_extraction", "accounts", "salesforce"),
    ("salesforce_extraction", "opportunities", "salesforce"),
    ("dbt_models", "build", "dbt"),
}


@pytest.fixture(scope="module")
def settled(deployed: Deployed) -> Deployed:
    """Deployed, and what an earlier test may have left is applied."""
    done = run("local", "up")
    assert done.status == 0, done.output
    return deployed


def test_nothing_changed_does_nothing(settled: Deployed) -> None:
    done = run("local", "up")
    assert done.counts[:4] == (0, 0, 0, 0)
    assert "has passed the smoke test before" in done.output


@one_engine
def test_smoke_proves_every_task(settled: Deployed) -> None:
    done = run("local", "smoke")
    assert done.status == 0, done.output
    lines = [line.split() for line in done.output.splitlines() if " success " in line]
    seen = {(row[0], row[1], row[3]) for row in lines if len(row) == 7}
    assert seen >= TASKS
    assert {dag for dag, _, _ in seen} == {config.dag_id for config in settled.sources.dags}


@one_engine
def test_a_repeated_extraction_adds_no_row(settled: Deployed) -> None:
    counts = "SELECT (SELECT count(*) FROM salesforce.account), (SELECT count(*) FROM salesforce.opportunity)"
    before = rows(settled.client, counts)
    done = run("local", "smoke", "salesforce_extraction")
    assert done.status == 0, done.output
    assert rows(settled.client, counts) == before == [(ACCOUNTS, OPPORTUNITIES)]


@one_engine
def test_pools_are_those_of_the_stack(settled: Deployed) -> None:
    pool = api_of(settled).pool("salesforce")
    assert (pool["slots"], pool["include_deferred"]) == (1, True)


@one_engine
def test_no_password_of_a_service_stands_outside_a_secret(settled: Deployed) -> None:
    drawn = [text for service in SERVICES for text in kept.held(settled.machine, service).values.values()]
    shown = [json.dumps(one.to_dict()) for one in pods_and_config_maps(settled)]
    shown += [content.decode(errors="replace") for content in published(settled).values()]
    assert len(drawn) >= 2
    assert not [text for text in drawn if any(text in one for one in shown)]


def pods_and_config_maps(deployed: Deployed) -> list[Any]:
    """What anyone who may look at pods sees, in every namespace of the deployment and of the services."""
    namespaces = (deployed.settings.name, deployed.settings.tasks_namespace, NAMESPACE)
    kinds: tuple[Any, ...] = (Pod, ConfigMap)
    return [
        one for kind in kinds for namespace in namespaces for one in deployed.client.list(kind, namespace=namespace)
    ]


def test_status_tells_engine_chart_and_address(settled: Deployed) -> None:
    done = run("local", "status")
    assert done.status == 0
    assert f"applied by {settled.choice}" in done.output
    assert "smoke test passed" in done.output
    assert ("the chart is the stand-in" in done.output) == (settled.choice.chart == "stand-in")
