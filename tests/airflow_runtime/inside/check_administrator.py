"""The first administrator, as the FAB auth manager itself knows them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
NAMES = {"FIRST_NAME": "Ada", "LAST_NAME": "Lovelace", "EMAIL": "ada@example.org"}
LOG_IN = """
import json, sys
from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
with get_application_builder() as builder:
    user = builder.sm.auth_user_db("ada", sys.argv[1], rotate_session_id=False)
    print(json.dumps([user.email, [role.name for role in user.roles]] if user else None))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    home = tmp_path_factory.mktemp("fab")
    found = {
        **os.environ,
        "AIRFLOW__CORE__AUTH_MANAGER": FAB,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "ADMINISTRATOR": "ada",
        **{f"ADMINISTRATOR_{name}": value for name, value in NAMES.items()},
        "ADMINISTRATOR_PASSWORD_FILE": str(home / "password"),
    }
    run(found, "-m", "airflow", "db", "migrate")
    return found


def run(environment, *words):
    done = subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip().splitlines()[-1]


def make(environment, password):
    Path(environment["ADMINISTRATOR_PASSWORD_FILE"]).write_text(password)
    return run(environment, "-m", "airflow_runtime.administrator")


def log_in(environment, password):
    return json.loads(run(environment, "-c", LOG_IN, password))


def test_the_first_administrator_logs_in_with_the_password_of_now(environment):
    assert make(environment, "the first one") == "administrator ada: made"
    assert log_in(environment, "the first one") == ["ada@example.org", ["Admin"]]
    assert make(environment, "another one") == "administrator ada: password set again"
    assert log_in(environment, "another one") == ["ada@example.org", ["Admin"]]
    assert log_in(environment, "the first one") is None
