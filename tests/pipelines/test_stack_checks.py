"""What a config asks of its stack: told where the stack does not have it, not where nobody can know."""

# ruff: noqa: E501 - each message stands on its line

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipelines.dag_config import check_dags
from pipelines.stack_checks import Provision, quantity
from tests.pipelines.trees import catalog, copy_tree, edit

CATALOG = catalog()
QUOTAS = {
    "airflow": {"requests.cpu": "4", "limits.memory": "64Gi"},
    "airflow-tasks": {"requests.cpu": "4", "requests.memory": "16Gi", "limits.cpu": "80", "limits.memory": "64Gi"},
}
PROVISION = Provision(
    connections=("warehouse",),
    variables=("region",),
    secrets=("crm",),
    config_maps=("regions",),
    claims=("scratch",),
    task_accounts=("airflow-task", "crawler"),
    worker_accounts=("airflow-worker",),
    priority_classes=("nightly",),
    runtime_classes=("gvisor",),
    quotas=QUOTAS,
)


@pytest.fixture
def dags(tmp_path: Path) -> Path:
    return copy_tree(tmp_path / "tree") / "dags"


def told(dags: Path) -> list[str]:
    problems = check_dags(dags, CATALOG, PROVISION).problems
    return [f"{one.file} | {one.key} | {one.found} | {one.expected} | {one.fix}" for one in problems]


def template(text: str):
    return lambda dags: edit(dags / "letters.yaml", "from {{ ds }}", text)


def resources(file: str, text: str):
    return lambda dags: edit(dags / file, "    kind: ", f"    resources: {text}\n    kind: ")


def task(file: str, text: str):
    return lambda dags: edit(dags / file, "    kind: ", f"    {text}\n    kind: ")


BAD = {
    "service account": (
        task("letters.yaml", "service_account_name: crawlr"),
        "tasks.count.service_account_name | 'crawlr' | a ServiceAccount of the stack: airflow-task, crawler",
        "did you mean 'crawler'?",
    ),
    "service account of another namespace": (
        task("warehouse.yaml", "service_account_name: crawler"),
        "'crawler' | a ServiceAccount of the stack: airflow-worker",
        "tasks.existing.serviceAccounts",
    ),
    "service account in a manifest": (
        task("letters.yaml", "full_pod_spec: {spec: {serviceAccountName: nobody}}"),
        "tasks.count.full_pod_spec.spec.serviceAccountName | 'nobody'",
        "tasks.existing.serviceAccounts",
    ),
    "priority class": (
        task("letters.yaml", "priority_class_name: nigthly"),
        "'nigthly' | a PriorityClass of the stack: system-cluster-critical, system-node-critical, nightly",
        "did you mean 'nightly'?",
    ),
    "priority class, whatever the namespace": (
        task("letters.yaml", "priority_class_name: urgent\n    namespace: elsewhere"),
        "'urgent' | a PriorityClass of the stack",
        "tasks.existing.priorityClasses",
    ),
    "runtime class": (
        task("letters.yaml", "runtime_class_name: kata"),
        "'kata' | a RuntimeClass of the stack: gvisor",
        "tasks.existing.runtimeClasses",
    ),
    "connection": (
        template("{{ conn.warehose.host }}"),
        "the connection 'warehose' | a connection of the stack: object_store,",
        "did you mean 'warehouse'?",
    ),
    "unlike any connection": (
        template("{{ conn.xyz.host }}"),
        "the connection 'xyz'",
        "pulumi config set --secret --path 'airflow.connections.xyz'",
    ),
    "variable": (
        template("{{ var.value.regoin }}"),
        "the variable 'regoin' | a variable of the stack: region",
        "did you mean 'region'?",
    ),
    "JSON variable": (
        template("{{ var.json.xyz.a }}"),
        "the variable 'xyz'",
        "declare it in the stack's airflow.variables: xyz",
    ),
    "secret": (
        lambda dags: edit(dags / "letters.yaml", "image: letters\n", "image: letters\nenv_from: [{secret: crn}]\n"),
        "dags/letters.yaml:6:21 | env_from | 'crn' | a Secret of the stack: crm",
        "did you mean 'crm'?",
    ),
    "cores": (
        resources("letters.yaml", "{requests: {cpu: 4.5, memory: 1Gi}, limits: {cpu: 8, memory: 1Gi}}"),
        "tasks.count.resources.requests.cpu | 4.5 of cpu (requests) for one pod | at most 4, what all pods of namespace airflow-tasks",
        "raise the stack's quota",
    ),
    "memory": (
        resources("letters.yaml", "{requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 1, memory: 65Gi}}"),
        "tasks.count.resources.limits.memory | 66560Mi of memory (limits)",
        "ask for less",
    ),
    "worker's cores": (
        resources("warehouse.yaml", "{requests: {cpu: 5, memory: 1Gi}, limits: {cpu: 5, memory: 1Gi}}"),
        "5 of cpu (requests) for one pod | at most 4, what all pods of namespace airflow ",
        "ask for less",
    ),
    "connection in code": (
        lambda dags: (dags / "warehouse/warehouse.py").write_text(
            "def load(run):\n    return Hook(postgres_conn_id='warehose')\n"
        ),
        "dags/warehouse/warehouse.py:2:34 |  | the connection 'warehose'",
        "did you mean 'warehouse'?",
    ),
    "connection asked for": (
        lambda dags: (dags / "warehouse/warehouse.py").write_text(
            "def load(run):\n    return Base.get_connection('crm')\n"
        ),
        "dags/warehouse/warehouse.py:2:32 |  | the connection 'crm'",
        "airflow.connections.crm",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(dags: Path, name: str) -> None:
    make, *expected = BAD[name]
    make(dags)
    found = told(dags)
    assert any(all(part in one for part in expected) for one in found), "\n".join(found)
    assert all(re.match(r"dags/\S+:\d+:\d+ ", one) for one in found)


@pytest.mark.parametrize(
    "make",
    [
        template("{{ conn.warehouse.host }} {{ conn.object_store.host }} {{ conn.get('x') }}"),
        task(
            "letters.yaml",
            "service_account_name: crawler\n    priority_class_name: nightly\n    runtime_class_name: gvisor",
        ),
        task("letters.yaml", "priority_class_name: system-node-critical"),
        task("letters.yaml", "service_account_name: theirs\n    namespace: elsewhere"),
        task("warehouse.yaml", "service_account_name: airflow-worker"),
        template("{{ var.value.region }} {{ var.value.get('x', '') }} {{ var.json.region }}"),
        resources("letters.yaml", "{requests: {cpu: 4, memory: 16Gi}, limits: {cpu: 80, memory: 64Gi}}"),
        lambda dags: (dags / "warehouse/warehouse.py").write_text(
            "def load(run):\n    Hook(conn_id='warehouse', x_conn_id=run)\n"
        ),
        lambda dags: (dags / "letters/other.py").write_text(
            "Hook(conn_id='nobody: the code of a pod has no Airflow')\n"
        ),
    ],
)
def test_what_the_stack_has_or_nobody_knows_is_let_pass(dags: Path, make) -> None:
    make(dags)
    assert told(dags) == []


def test_without_a_provision_nothing_is_asked(dags: Path) -> None:
    template("{{ conn.xyz.host }}")(dags)
    assert check_dags(dags, CATALOG).problems == ()


@pytest.mark.parametrize(("text", "amount"), [("1500m", 1.5), ("2", 2), ("1Ki", 1024), ("0.5k", 500), ("none", 0)])
def test_quantities(text: str, amount: float) -> None:
    assert quantity(text) == amount
