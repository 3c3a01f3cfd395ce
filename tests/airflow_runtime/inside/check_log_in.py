"""Who somebody is to Airflow, by what a provider of OpenID Connect says of them."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
SETTINGS = {
    "name": "sso",
    "issuer": "https://login.example.org/realms/acme/",
    "client_id": "airflow",
    "client_secret": "hush",
    "scope": "openid email profile",
    "groups_claim": "groups",
    "roles": [["bosses", "Admin"], ["data", "Op"], ["staff", "Viewer"]],
    "default_role": "Public",
}
ADA = {"sub": "17", "preferred_username": "ada", "email": "ada@example.org", "given_name": "Ada"}
LOG_IN = """
import json, sys
from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
from airflow_runtime.log_in import user_of, _OIDC
with get_application_builder() as builder:
    manager, found = builder.sm, []
    for groups in json.loads(sys.argv[1]):
        told = {"sub": "17", "preferred_username": "ada", "groups": groups}
        user = manager.auth_user_oauth(user_of(told, _OIDC), rotate_session_id=False)
        found.append([user.username, sorted(role.name for role in user.roles)])
    print(json.dumps([found, manager.oauth_remotes["sso"].client_kwargs]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """As the API server finds it, with an authority of the company's own."""
    found = tmp_path_factory.mktemp("oidc")
    (found / "oidc.json").write_text(json.dumps(SETTINGS))
    (found / "authority.pem").write_text("a certificate")
    return found


@pytest.fixture
def log_in(folder, monkeypatch):
    monkeypatch.setenv("OIDC_FOLDER", str(folder))
    from airflow_runtime import log_in

    return log_in


def provider(userinfo=None):
    """One that answers a request for userinfo so, or has none."""
    known = {"userinfo_endpoint": "https://login.example.org/userinfo"} if userinfo is not None else {}
    return SimpleNamespace(load_server_metadata=lambda: known, userinfo=lambda token: userinfo)


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["data"], "Op"),
        (["staff", "else", "bosses"], "Admin"),
        ("staff", "Viewer"),
        (["marketing"], "Public"),
        ([], "Public"),
        (None, "Public"),
    ],
)
def test_groups_make_one_role(log_in, groups, role):
    assert log_in.user_of({**ADA, "groups": groups}, SETTINGS)["role"] == role


def test_who_has_no_other_name_is_told_by_the_subject(log_in):
    found = log_in.user_of({"sub": "17", "name": "Ada Byron"}, SETTINGS)
    assert found == {"username": "17", "email": "17", "first_name": "Ada Byron", "last_name": "", "role": "Public"}


def test_what_the_id_token_says_of_groups_is_enough(log_in):
    token = {"userinfo": {**ADA, "groups": []}}
    assert log_in.claims_of(token, provider({**ADA, "groups": ["bosses"]}), "groups")["groups"] == []


def test_groups_that_the_id_token_has_not_come_from_userinfo(log_in):
    token, more = {"userinfo": {"sub": "17", "nonce": "n"}}, {**ADA, "groups": ["data"]}
    assert log_in.claims_of(token, provider(more), "groups") == {"nonce": "n", **more}
    assert log_in.claims_of({}, provider(more), "groups") == more
    assert log_in.claims_of(token, provider(), "groups") == token["userinfo"]


def test_userinfo_of_somebody_else_is_refused(log_in):
    with pytest.raises(ValueError, match="another subject"):
        log_in.claims_of({"userinfo": ADA}, provider({**ADA, "sub": "18", "groups": ["bosses"]}), "groups")


def test_fab_gives_that_role_alone_and_anew_at_each_log_in(folder, tmp_path):
    configuration = tmp_path / "webserver_config.py"
    configuration.write_text("from airflow_runtime.log_in import *\n")
    environment = {
        **os.environ,
        "AIRFLOW__CORE__AUTH_MANAGER": FAB,
        "AIRFLOW__FAB__CONFIG_FILE": str(configuration),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
        "OIDC_FOLDER": str(folder),
    }

    def run(*words):
        done = subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip().splitlines()[-1]

    run("-m", "airflow", "db", "migrate")
    seen, options = json.loads(run("-c", LOG_IN, json.dumps([["bosses", "staff"], ["staff"], ["marketing"]])))
    assert seen == [["ada", ["Admin"]], ["ada", ["Viewer"]], ["ada", ["Public"]]]
    assert options["verify"] == str(folder / "authority.pem")
