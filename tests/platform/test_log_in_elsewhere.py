"""Log-ins by OpenID Connect: staging's settings with a Keycloak, as a company has it, and Airflow's page at an ingress.

On the real engine, with the official chart. The provider's certificate is of an authority that no image knows. No
controller serves the Ingress here: the browser passes on what it asks as one would. The tests go on from one another's
state.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from lightkube import Client
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Pod as LivePod

from infra import names
from infra.mirrored_images import of_others
from local import services, smoke
from local.bucket import service_address
from local.certificates import Authority
from local.cluster import kubectl
from local.kubernetes_client import connect
from local.machine import Machine
from local.mirror import ensure_mirror
from local.progress import Progress
from local.waiting import wait
from local.workloads import wait_for_rollout
from tests.conftest import ROOT
from tests.infra.network import Address, Pod, is_allowed
from tests.platform.browser import Browser
from tests.platform.commands import clone_of
from tests.platform.given_services import NODE, Given, given_services, remove
from tests.platform.keycloak import CLIENT, Keycloak, keycloak_server
from tests.platform.stack_owner import Owner, chart_missing, owner_of

pytestmark = [pytest.mark.platform, pytest.mark.cli, pytest.mark.chart, pytest.mark.long]

STACK, NAMESPACE, PAGE = "staging", "airflow-staging", "https://airflow.example.org"
BACK = f"{PAGE}/auth/oauth-authorized/sso"
SECRET = "access.oidc.clientSecret"
DAG = "cost_of_living"
ROLES = """
SELECT u.username, r.name FROM ab_user u JOIN ab_user_role ur ON ur.user_id = u.id JOIN ab_role r ON r.id = ur.role_id
"""
SERVED_SECONDS, ROLLED_OUT_SECONDS = 120, 300
#: How long Airflow takes somebody for who she was, and more.
REMEMBERED_SECONDS = 45


@dataclass
class Up:
    """The stack and its surroundings; ``provider`` is as it is now."""

    owner: Owner
    client: Client
    given: Given
    provider: Keycloak

    def browser(self) -> Browser:
        """Somebody who has never been there."""
        airflow = service_address(self.client, NAMESPACE, names.API_SERVER, names.API_SERVER_PORT)
        return Browser(PAGE, airflow, self.provider.trusted)

    def logged_in(self, person: str) -> Browser:
        """Somebody who has come back to Airflow's page, known by her name."""
        browser = self.browser()
        page = browser.logs_in(person, self.provider.password)
        assert page.url.copy_with(path="/") == httpx.URL(f"{PAGE}/"), page.text
        assert browser.asks("/ui/auth/me").json()["username"] == person
        return browser

    def roles(self, person: str) -> list[str]:
        """What stands in Airflow's own tables."""
        rows = self.given.database.query(ROLES).splitlines()
        return [role for name, role in (row.split("|") for row in rows) if name == person]

    def log(self) -> str:
        where = ("--namespace", NAMESPACE, "logs", f"deployment/{names.API_SERVER}", "--container", "api-server")
        return kubectl(self.owner.machine, *where)

    def rolled_out(self) -> None:
        """Return once the API server is the newest one, and nothing leads to those before any more."""
        say, settings = Progress().doing, self.owner.settings(STACK)
        wait_for_rollout(self.client, Deployment, names.API_SERVER, NAMESPACE, ROLLED_OUT_SECONDS, say)

        def left() -> str | None:
            found = list(self.client.list(LivePod, namespace=NAMESPACE, labels={"component": "api-server"}))
            return None if len(found) == 1 else f"{len(found)} API servers"

        wait("the API server before to go", left, ROLLED_OUT_SECONDS)
        wait("Airflow", lambda: smoke.airflow(self.client, settings).unhealthy(), SERVED_SECONDS)


@pytest.fixture(scope="module")
def stack(started: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    if missing := chart_missing():
        pytest.skip(missing)
    services.keep(started)
    folder, client = tmp_path_factory.mktemp("owner"), connect(started)
    owner = owner_of(started, clone_of(ROOT, folder / "clone"), folder)
    issuer = Authority(folder / "authority")
    issuer.ensure()
    namespaces = (NAMESPACE, f"{NAMESPACE}-tasks")
    with (
        keycloak_server(started, tmp_path_factory.mktemp("keycloak"), NODE, issuer, BACK) as provider,
        given_services(started, client, STACK, tmp_path_factory.mktemp("given")) as given,
    ):
        remove(client, *namespaces)
        try:
            owner.configure(STACK, given)
            owner.writes(STACK, settings_of(provider))
            owner.hides(STACK, SECRET, provider.secret)
            ensure_mirror(started, Progress(), of_others(owner.settings(STACK)))
            owner.up(STACK)
            found = Up(owner, client, given, provider)
            found.rolled_out()
            yield found
        finally:
            remove(client, *namespaces)


def settings_of(provider: Keycloak) -> dict[str, Any]:
    """What the owner of the stack fills in, beside the secret."""
    oidc = {
        "issuer": provider.issuer,
        "clientId": CLIENT,
        "roles": {"data-platform": "Admin", "data-engineers": "User"},
        "defaultRole": "Viewer",
        "authority": provider.trusted.read_text(),
    }
    ingress = {
        "host": httpx.URL(PAGE).host,
        "className": "nginx",
        "tlsSecret": "airflow-tls",
        "controllerNamespace": "ingress-nginx",
    }
    port = httpx.URL(provider.address).port
    return {
        "access": {"authManager": "fab", "oidc": oidc, "ingress": ingress},
        "network": {"services": {"ports": [443, 5432, port]}},
    }


def test_whom_airflow_does_not_know_it_sends_to_the_provider(stack: Up) -> None:
    page = stack.browser().opens()
    assert page.url.path == "/auth/login/"
    assert "Sign In with sso" in page.text
    assert stack.browser().asks("/api/v2/dags").status_code == httpx.codes.UNAUTHORIZED


@pytest.mark.parametrize(
    ("person", "role", "may"),
    [("ada", "Admin", (200, 200)), ("ben", "User", (403, 200)), ("eve", "Viewer", (403, 403))],
)
def test_the_group_makes_the_role(stack: Up, person: str, role: str, may: tuple[int, int]) -> None:
    """Read variables, and pause a DAG: an Admin may both, a User the second. eve is in a group that has no role."""
    served = smoke.airflow(stack.client, stack.owner.settings(STACK))
    served.log_in()
    wait("the DAG to be served", lambda: None if served.dag(DAG) else "not there", SERVED_SECONDS)
    browser = stack.logged_in(person)
    assert stack.roles(person) == [role]
    assert browser.asks(f"/api/v2/dags/{DAG}").status_code == httpx.codes.OK
    pause = browser.http.patch(f"/api/v2/dags/{DAG}", params={"update_mask": "is_paused"}, json={"is_paused": True})
    assert (browser.asks("/api/v2/variables").status_code, pause.status_code) == may


def test_the_token_of_a_log_in_serves_the_api_and_cookies_go_by_tls_only(stack: Up) -> None:
    cookies = stack.logged_in("ada").cookies
    assert {name: one.secure for name, one in cookies.items()} == {"session": True, "_token": True}
    bare = stack.browser().http
    answer = bare.get("/api/v2/variables", headers={"Authorization": f"Bearer {cookies['_token'].value}"})
    assert answer.status_code == httpx.codes.OK


def test_whom_the_provider_refuses_airflow_never_sees(stack: Up) -> None:
    browser = stack.browser()
    page = browser.logs_in("ben", "another password")
    assert page.url.host == NODE
    assert "Invalid username or password" in page.text
    assert "_token" not in browser.cookies


def test_the_first_administrator_still_has_a_token_by_name_and_password(stack: Up) -> None:
    api = smoke.airflow(stack.client, stack.owner.settings(STACK))
    api.log_in()
    assert api.dag(DAG)
    assert stack.roles("admin") == ["Admin"]


def test_another_group_told_in_userinfo_only_counts_from_the_next_log_in(stack: Up) -> None:
    stack.provider.tell_groups(in_id_token=False)
    stack.provider.move("eve", "data-platform")
    browser = stack.logged_in("eve")
    assert stack.roles("eve") == ["Admin"]

    def refused() -> str | None:
        status = browser.asks("/api/v2/variables").status_code
        return None if status == httpx.codes.OK else str(status)

    wait("Airflow to heed it", refused, REMEMBERED_SECONDS)


def test_only_the_api_server_has_what_it_logs_people_in_with(stack: Up) -> None:
    found: Any = stack.client.list(LivePod, namespace=NAMESPACE)
    holders = [
        pod.metadata.labels.get("component")
        for pod in found
        if any(one.secret and one.secret.secretName == names.OIDC_SECRET for one in pod.spec.volumes or ())
    ]
    assert set(holders) == {"api-server"}


def test_the_policies_let_the_api_server_reach_the_provider(stack: Up) -> None:
    """Nothing enforces them here: the evaluator says it of those that lie in the cluster."""
    said = kubectl(stack.owner.machine, "--namespace", NAMESPACE, "get", "networkpolicies", "--output", "json")
    policies, provider = json.loads(said)["items"], httpx.URL(stack.provider.address)
    api = Pod(NAMESPACE, {"component": "api-server", "release": names.RELEASE, "tier": "airflow"})
    assert provider.port is not None
    assert is_allowed(policies, api, Address(provider.host), provider.port)
    assert not is_allowed(policies, api, Address(provider.host), provider.port - 1)
    assert is_allowed(policies, Pod("ingress-nginx", {}), api, names.API_SERVER_PORT)


def test_with_a_secret_that_is_no_longer_the_client_s_nobody_gets_in_and_the_log_says_why(stack: Up) -> None:
    stack.provider = stack.provider.with_new_secret()
    browser = stack.browser()
    page = browser.logs_in("ben", stack.provider.password)
    assert page.url.path == "/auth/login/"
    assert "The request to sign in was denied." in page.text
    assert "_token" not in browser.cookies
    assert "Error authorizing OAuth access token: unauthorized_client" in stack.log()


def test_the_new_secret_counts_after_an_up_and_stands_nowhere_in_clear(stack: Up) -> None:
    stack.owner.hides(STACK, SECRET, stack.provider.secret)
    said = stack.owner.up(STACK)
    stack.rolled_out()
    stack.logged_in("ben")
    values = kubectl(stack.owner.machine, "--namespace", NAMESPACE, "get", "configmaps", "--output", "yaml")
    for text in (said, json.dumps(stack.owner.state(STACK)), stack.log(), values):
        assert stack.provider.secret not in text


def test_without_the_provider_people_are_told_and_airflow_goes_on(stack: Up) -> None:
    stack.provider.stop()
    where = ("--namespace", NAMESPACE, "rollout", "restart", f"deployment/{names.API_SERVER}")
    kubectl(stack.owner.machine, *where)
    stack.rolled_out()
    browser = stack.browser()
    page = browser.logs_in("ben", stack.provider.password)
    assert page.url.host == httpx.URL(PAGE).host
    page = browser.opens()
    assert "Invalid login" in page.text, (page.status_code, page.headers)
    assert "Error on OAuth authorize" in stack.log()
    smoke.airflow(stack.client, stack.owner.settings(STACK)).log_in()
