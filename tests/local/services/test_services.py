"""The services' objects, and the passwords they are run with."""

from __future__ import annotations

import io
import json
import re
import stat
from pathlib import Path

import pytest

from local.machine import Machine
from local.progress import Progress
from local.services import SERVICES, bring_up, connections, keep, task_secrets
from local.services import held as kept
from local.services.salesforce import SALESFORCE
from local.services.service import STAND_IN_LABEL
from local.services.warehouse import WAREHOUSE
from pipelines.errors import InputError
from tests.conftest import ROOT
from tests.infra.pods import violations
from tests.local.fake_cluster import FakeCluster

WORKLOADS = ("Deployment", "StatefulSet")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine.here({"HOME": str(tmp_path)})


def test_passwords_are_drawn_once_and_nobody_else_reads_them(machine: Machine) -> None:
    assert kept.held(machine, WAREHOUSE).values == {"password": kept.NONE_YET}
    keep(machine)
    first = [kept.held(machine, service) for service in SERVICES]
    keep(machine)
    assert [kept.held(machine, service) for service in SERVICES] == first
    drawn = [value for held in first for value in held.values.values()]
    assert len(set(drawn)) == len(drawn)
    assert kept.NONE_YET not in drawn
    for file in (machine.state / "services").rglob("*"):
        if file.is_file() and file.name != "ca.pem":
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


@pytest.mark.parametrize("content", ["", "[]", '{"warehouse": "x"}', '{"warehouse": {"password": ""}}'])
def test_broken_passwords_are_refused(machine: Machine, content: str) -> None:
    (machine.state / "services").mkdir(parents=True)
    (machine.state / "services" / "passwords.json").write_text(content)
    with pytest.raises(InputError, match="no whole set of passwords"):
        kept.held(machine, WAREHOUSE)


def test_every_pod_is_restricted_and_every_stand_in_says_so(machine: Machine) -> None:
    keep(machine)
    every = bring_up.objects(machine)
    workloads = {one["metadata"]["name"]: one for one in every if one["kind"] in WORKLOADS}
    assert workloads.keys() == {service.name for service in SERVICES}
    for service in SERVICES:
        template = workloads[service.name]["spec"]["template"]
        assert violations(template["spec"]) == []
        assert (STAND_IN_LABEL in template["metadata"]["labels"]) == service.stand_in
        if service.stand_in:
            assert template["spec"]["containers"][0]["name"].endswith("-stand-in")


def test_no_password_stands_outside_a_secret(machine: Machine) -> None:
    keep(machine)
    others = json.dumps([one for one in bring_up.objects(machine) if one["kind"] != "Secret"])
    for service in SERVICES:
        held = kept.held(machine, service)
        assert not [value for value in (*held.values.values(), held.certificate) if value and value in others]


def test_a_changed_password_or_module_replaces_the_pod(machine: Machine) -> None:
    keep(machine)
    held = kept.held(machine, SALESFORCE)
    before = SALESFORCE.objects(held)[-1]
    changed = SALESFORCE.objects(kept.Held({**held.values, "CONSUMER_SECRET": "another"}, held.certificate))[-1]
    assert before["spec"]["template"]["metadata"] != changed["spec"]["template"]["metadata"]
    assert SALESFORCE.objects(held)[-1] == before


def test_a_second_bring_up_writes_nothing(machine: Machine) -> None:
    keep(machine)
    cluster = FakeCluster()
    bring_up.apply(cluster.client(), machine)
    bring_up.wait_ready(cluster.client(), Progress(io.StringIO()))
    assert {
        ("apply", ("statefulsets", "services", "warehouse")),
        ("apply", ("deployments", "services", "salesforce")),
    } <= {(verb, key) for verb, key in cluster.writes}
    versions = {
        key: live["metadata"]["resourceVersion"] for key, live in cluster.objects.items() if key[0] != "namespaces"
    }
    bring_up.apply(cluster.client(), machine)
    assert versions == {
        key: live["metadata"]["resourceVersion"] for key, live in cluster.objects.items() if key[0] != "namespaces"
    }


def test_the_documentation_names_every_service_and_what_is_declared_for_it(machine: Machine) -> None:
    text = (ROOT / "docs" / "connections.md").read_text()
    assert [one.name for one in SERVICES if f"| `{one.host}:{one.port}` |" not in text] == []
    [rows] = [block for block in text.split("\n\n") if block.startswith("| DAG |")]
    assert {*connections(machine), *task_secrets(machine)} <= {*re.findall(r"`([\w-]+)`", rows)}
