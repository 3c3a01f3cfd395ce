"""What the API server itself says each service account may do, against the table of tests/infra/test_roles.py."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from local.machine import Machine
from tests.infra.test_roles import NEEDED

pytestmark = pytest.mark.platform

ACCOUNTS = {
    "airflow": (
        "airflow-api-server",
        "airflow-backup",
        "airflow-dag-processor",
        "airflow-publisher",
        "airflow-scheduler",
        "airflow-triggerer",
        "airflow-worker",
        "default",
    ),
    "airflow-tasks": ("airflow-task", "default"),
}
# What Kubernetes gives to everybody who is logged in.
EVERYBODY = {
    ("selfsubjectreviews", "create"),
    ("selfsubjectaccessreviews", "create"),
    ("selfsubjectrulesreviews", "create"),
}


@pytest.mark.parametrize(
    ("home", "account"), [(home, account) for home, accounts in ACCOUNTS.items() for account in accounts]
)
@pytest.mark.parametrize("namespace", ["airflow", "airflow-tasks", "default", "kube-system"])
def test_a_service_account_may_do_what_the_table_says_and_no_more(
    running: Machine, home: str, account: str, namespace: str
) -> None:
    wanted = {(row[2], row[3]) for row in NEEDED if home == "airflow" and row[:2] == (account, namespace)}
    assert _rules(running, f"system:serviceaccount:{home}:{account}", namespace) - EVERYBODY == wanted


def test_the_table_names_every_service_account(running: Machine) -> None:
    found = {
        home: {item["metadata"]["name"] for item in _kubectl(running, "-n", home, "get", "serviceaccounts")["items"]}
        for home in ACCOUNTS
    }
    assert found == {home: set(accounts) for home, accounts in ACCOUNTS.items()}


def _rules(machine: Machine, user: str, namespace: str) -> set[tuple[str, str]]:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    status = _kubectl(machine, "create", "--validate=false", f"--as={user}", "-f", "-", text=json.dumps(review))[
        "status"
    ]
    assert not status.get("incomplete")
    return {
        (resource, verb) for rule in status["resourceRules"] for resource in rule["resources"] for verb in rule["verbs"]
    }


def _kubectl(machine: Machine, *arguments: str, text: str = "") -> Any:
    done = subprocess.run(
        [str(machine.tool("kubectl")), *arguments, "-o", "json"],
        input=text,
        env={**os.environ, **machine.environment()},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)
