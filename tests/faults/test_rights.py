"""Each verb of each Role, taken away in turn: what needs it stops working, by the provider's own code.

The Roles are the product's, in two namespaces of their own: what runs on the platform keeps its rights.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from lightkube import Client
from lightkube.codecs import from_dict
from lightkube.resources.core_v1 import Namespace

from infra import roles
from local import stack
from local.kubernetes_client import connect
from local.machine import Machine
from local.up import UNDECIDED
from local.waiting import wait
from tests.airflow_environment import ROOT, run
from tests.infra.test_roles import BOTH, NEEDED

pytestmark = [pytest.mark.platform, pytest.mark.faults, pytest.mark.airflow]

SCRIPT = ROOT / "tests/faults/inside/take_verbs_away.py"
PLACES = {"core": "rights", "tasks": "rights-tasks"}
OF_PRODUCT = {"airflow": "core", "airflow-tasks": "tasks"}
REMOVAL_SECONDS = 90
# Where the provider hides a refusal, its consequence.
REFUSED = re.compile("[Ff]orbidden|fell back to polling|is not marked as done")
Outcome = dict[str, str | None]


@pytest.fixture(scope="module")
def namespaces(started: Machine) -> Iterator[None]:
    client = connect(started)
    _remove(client)
    for name in PLACES.values():
        _make(client, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    try:
        for grant in roles.grants(BOTH):
            for manifest in _manifests(grant):
                _make(client, manifest)
        yield
    finally:
        _remove(client)


@pytest.fixture(scope="module")
def outcomes(started: Machine, namespaces: None, tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    """For each row of NEEDED, in its order."""
    home = tmp_path_factory.mktemp("rights")
    rows = [
        {"account": account, "place": OF_PRODUCT[namespace], "resource": resource, "verb": verb}
        for account, namespace, resource, verb, _ in NEEDED
    ]
    for row in rows:
        row["role"] = _role(row["account"], row["place"])
    order = {**PLACES, "image": stack.settings(started, UNDECIDED).tasks.xcom_sidecar_image, "rows": rows}
    file = home / "order.json"
    file.write_text(json.dumps(order))
    # No file is asked for the connection, nor a database.
    variables = {
        "KUBECONFIG": str(started.kubeconfig),
        "AIRFLOW_CONN_KUBERNETES_DEFAULT": '{"conn_type": "kubernetes"}',
    }
    done = run([str(SCRIPT), str(file)], home, **variables)
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"with"')]
    assert len(lines) == len(rows), done.stdout
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    "number", range(len(NEEDED)), ids=[f"{row[0]}: {row[4]} ({row[3]} {row[2]})" for row in NEEDED]
)
def test_without_its_verb_an_operation_fails(outcomes: list[Outcome], number: int) -> None:
    outcome = outcomes[number]
    assert outcome["with"] is None
    assert REFUSED.search(outcome["without"] or ""), outcome


def _role(account: str, place: str) -> str:
    found = [grant.name for grant in roles.grants(BOTH) if account in grant.accounts and grant.place == place]
    assert len(found) == 1, "an account has one Role a namespace"
    return found[0]


def _manifests(grant: roles.Grant) -> Iterator[dict[str, Any]]:
    metadata = {"name": grant.name, "namespace": PLACES[grant.place]}
    group = "rbac.authorization.k8s.io"
    rules = [{"apiGroups": [""], "resources": [rule.resource], "verbs": list(rule.verbs)} for rule in grant.rules]
    yield {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": rules}
    for account in grant.accounts:
        home = {"name": account, "namespace": PLACES["core"]}
        yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": home}
    subjects = [{"kind": "ServiceAccount", "name": name, "namespace": PLACES["core"]} for name in grant.accounts]
    reference = {"apiGroup": group, "kind": "Role", "name": grant.name}
    yield {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": reference,
        "subjects": subjects,
    }


def _make(client: Client, manifest: dict[str, Any]) -> None:
    client.apply(from_dict(manifest), field_manager="tests")


def _remove(client: Client) -> None:
    def there(name: str) -> bool:
        return any(each.metadata and each.metadata.name == name for each in client.list(Namespace))

    for name in filter(there, PLACES.values()):
        client.delete(Namespace, name)
    wait("the namespaces to go", lambda: " ".join(filter(there, PLACES.values())) or None, REMOVAL_SECONDS)
