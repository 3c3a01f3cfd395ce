"""Staging's settings over what others run: an S3-compatible store and a Postgres that exist, on the real engine.

The tests go on from one another's state.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightkube import ApiError, Client
from lightkube.codecs import from_dict
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import Namespace, Service

from infra import settings_source
from infra.names import STORE_AIRFLOW_SECRET
from infra.object_store_policies import USERS
from infra.settings import PROJECT, Settings
from local import pulumi_engine, services, smoke
from local.airflow_api import AirflowApi
from local.bucket import Bucket, secret
from local.engine import STAND_IN
from local.kubernetes_client import connect, namespace_annotations
from local.machine import KUBE_CONTEXT, Machine
from local.progress import Progress
from local.waiting import wait
from local.workloads import wait_for_rollout
from tests.conftest import ROOT
from tests.platform.commands import clone_of
from tests.platform.minio_server import Minio, minio_server

# All of Airflow comes up beside what is there.
pytestmark = [pytest.mark.platform, pytest.mark.cli, pytest.mark.long]

STACK, NAME, GIVEN = "staging", "airflow-staging", "airflow-staging-given"
BUCKET = "acme-staging"
#: Every pod's gateway: what listens there is reached from all of them.
NODE = "10.244.0.1"
POSTGRES_SECONDS, SERVED_SECONDS, RUN_SECONDS, GONE_SECONDS = 120, 90, 300, 300


@dataclass
class Person:
    """Who works on the stack from a clone of her own, with a backend of her own."""

    machine: Machine
    clone: Path
    environment: dict[str, str]

    def types(self, *command: str, text: str = "") -> str:
        done = subprocess.run(
            command, cwd=self.clone, env=self.environment, input=text, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"
        return done.stdout

    def up(self, *options: str) -> str:
        return self.types("pulumi", "up", "--stack", STACK, "--yes", "--skip-preview", "--non-interactive", *options)

    def state(self) -> list[dict[str, Any]]:
        said = self.types("pulumi", "stack", "export", "--stack", STACK)
        found: list[dict[str, Any]] = json.loads(said)["deployment"]["resources"]
        return found

    @property
    def settings(self) -> Settings:
        log_in = json.loads(self.machine.registry_credentials.read_text())
        path = self.clone / f"Pulumi.{STACK}.yaml"
        return settings_source.load_file(path, {"registryCredentials": [log_in]})


@pytest.fixture(scope="module")
def client(started: Machine) -> Client:
    return connect(started)


@pytest.fixture(scope="module")
def minio(started: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Minio]:
    with minio_server(started, tmp_path_factory.mktemp("minio"), BUCKET, NODE) as found:
        found.add_users()
        yield found


@pytest.fixture(scope="module")
def database(started: Machine, client: Client) -> Iterator[tuple[str, str]]:
    """Host and password of a Postgres that the stack did not make."""
    password = secrets.token_urlsafe(24)
    _remove(client, GIVEN)
    client.create(Namespace.from_dict({"metadata": {"name": GIVEN}}))
    try:
        for manifest in _postgres(password):
            client.create(from_dict(manifest))
        wait_for_rollout(client, StatefulSet, "postgres", GIVEN, POSTGRES_SECONDS, Progress().doing)
        live: Any = client.get(Service, "postgres", namespace=GIVEN)
        assert live.spec.clusterIP
        yield f"postgres.{GIVEN}.svc", password
    finally:
        _remove(client, GIVEN)


@pytest.fixture(scope="module")
def person(
    started: Machine, client: Client, minio: Minio, database: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Person]:
    if not pulumi_engine.available():
        pytest.skip("no Pulumi CLI on PATH")
    services.keep(started)
    folder = tmp_path_factory.mktemp("staging")
    person = Person(started, clone_of(ROOT, folder / "clone"), _environment(started, folder))
    _remove(client, NAME, f"{NAME}-tasks")
    try:
        _configure(person, minio, database)
        yield person
    finally:
        _remove(client, NAME, f"{NAME}-tasks")


def _environment(machine: Machine, folder: Path) -> dict[str, str]:
    (folder / "backend").mkdir()
    plugins = all(shutil.which(f"pulumi-resource-{name}") for name in pulumi_engine.PLUGINS)
    return {
        **os.environ,
        **machine.environment(),
        "PATH": os.pathsep.join((machine.environment()["PATH"], os.environ["PATH"])),
        "PULUMI_BACKEND_URL": f"file://{folder / 'backend'}",
        "PULUMI_CONFIG_PASSPHRASE": "for this test",
        "PULUMI_HOME": str(folder / ".pulumi"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "AIRFLOW_CHART": os.environ.get("AIRFLOW_CHART") or str(ROOT / STAND_IN),
        **({"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"} if plugins else {}),
    }


def _configure(person: Person, minio: Minio, database: tuple[str, str]) -> None:
    """The committed file of staging, with this machine's places filled in and its secrets set."""
    file = person.clone / f"Pulumi.{STACK}.yaml"
    document = yaml.safe_load(file.read_text())
    host, password = database
    config = document["config"]
    log_in = json.loads(person.machine.registry_credentials.read_text())
    given: dict[str, Any] = {
        "name": NAME,
        "kubernetes": {"context": KUBE_CONTEXT},
        "registry": {"server": person.machine.registry, "owner": "local"},
        "objectStore": {"kind": "endpoint", "bucket": BUCKET, "url": minio.address},
        # This machine has stand-ins of neither FAB's packages nor the statsd exporter, and its Postgres no certificate.
        "database": {**config[f"{PROJECT}:database"], "host": host, "tls": "disable"},
        "access": {},
        "airflow": {key: value for key, value in config[f"{PROJECT}:airflow"].items() if key != "metrics"},
    }
    config |= {f"{PROJECT}:{key}": value for key, value in given.items()}
    file.write_text(yaml.safe_dump(document))
    person.types("pulumi", "stack", "init", STACK)
    hidden = {"database.password": password, "registryCredentials[0].password": log_in["password"]}
    hidden |= {f"objectStore.keys.{user.name}.secretKey": minio.password for user in USERS}
    for (part, key), entries in services.secrets(person.machine).items():
        hidden |= {f"{part}.{key}.{name}": json.dumps(value) for name, value in entries.items()}
    clear = {f"objectStore.keys.{user.name}.accessKey": user.name for user in USERS}
    clear |= {f"registryCredentials[0].{key}": log_in[key] for key in ("server", "username")}
    command = ("pulumi", "config", "set", "--stack", STACK, "--path")
    for path, value in clear.items():
        person.types(*command, f"{PROJECT}:{path}", value)
    for path, value in hidden.items():
        person.types(*command, "--secret", f"{PROJECT}:{path}", text=value)


def _postgres(password: str) -> Iterator[dict[str, Any]]:
    labels = {"app": "postgres"}
    metadata = {"name": "postgres", "namespace": GIVEN}
    yield {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"password": password}}
    service = {"selector": labels, "ports": [{"port": 5432}]}
    yield {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service}
    variables = {"POSTGRES_USER": "airflow", "POSTGRES_DB": "airflow", "PGDATA": "/data/pgdata"}
    variables |= {"POSTGRES_INITDB_ARGS": "--encoding=UTF8", "POSTGRES_PASSWORD_FILE": "/run/secrets/postgres/password"}
    ready = ["pg_isready", "--host=127.0.0.1", "--username=airflow", "--quiet"]
    container = {
        "name": "postgres",
        "image": "postgres:17.10-trixie",
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "readinessProbe": {"exec": {"command": ready}, "periodSeconds": 2},
        "volumeMounts": [
            {"name": "data", "mountPath": "/data"},
            {"name": "password", "mountPath": "/run/secrets/postgres"},
        ],
    }
    volumes = [{"name": "data", "emptyDir": {}}, {"name": "password", "secret": {"secretName": "postgres"}}]
    who = {"runAsUser": 999, "runAsGroup": 999, "fsGroup": 999}
    pod = {
        "metadata": {"labels": labels},
        "spec": {"securityContext": who, "containers": [container], "volumes": volumes},
    }
    spec = {"serviceName": "postgres", "selector": {"matchLabels": labels}, "template": pod}
    yield {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec}


def _remove(client: Client, *names: str) -> None:
    for name in names:
        with contextlib.suppress(ApiError):
            client.delete(Namespace, name)
    wait(
        "namespaces to go",
        lambda: ", ".join(name for name in names if namespace_annotations(client, name) is not None) or None,
        GONE_SECONDS,
    )


def test_staging_comes_up_over_what_others_run(person: Person, client: Client) -> None:
    said = person.up()
    assert "Traceback" not in said
    kinds = {one["type"] for one in person.state()}
    assert "kubernetes:apps/v1:StatefulSet" not in kinds
    assert "kubernetes:helm.sh/v3:Release" in kinds
    connection = json.loads(secret(client, NAME, STORE_AIRFLOW_SECRET)["AIRFLOW_CONN_OBJECT_STORE"])
    assert connection["login"] == "airflow"


def test_the_second_time_nothing_changes(person: Person) -> None:
    assert "unchanged" in person.up("--expect-no-changes")


def test_dags_run_and_their_logs_lie_in_the_given_bucket(person: Person, client: Client, minio: Minio) -> None:
    settings = person.settings
    api: AirflowApi = smoke.airflow(client, settings)
    api.log_in()
    dag, run = "cost_of_living", "over-given-stores"
    wait("the DAG to be served", lambda: None if api.dag(dag) else str(api.import_errors()), SERVED_SECONDS)
    api.unpause(dag)
    api.trigger(dag, run)
    ends = ("success", "failed")
    wait("the run", lambda: None if (state := api.run_state(dag, run)) in ends else str(state), RUN_SECONDS)
    assert api.run_state(dag, run) == "success"
    root = minio.client("root")
    found = {one["Key"] for one in root.list_objects_v2(Bucket=BUCKET)["Contents"]}
    assert any(key.startswith(f"logs/dag_id={dag}/run_id={run}/") for key in found)
    assert Bucket(client, settings).published_version()


def test_what_is_protected_stays_when_the_stack_is_destroyed(person: Person, client: Client) -> None:
    said = person.types(".venv/bin/python", "-m", "commands", "stacks", "destroy", STACK, "--yes")
    assert "are protected and stay" in said
    for name in (NAME, f"{NAME}-tasks"):
        assert namespace_annotations(client, name) is not None
    kinds = {one["type"] for one in person.state()}
    assert "kubernetes:helm.sh/v3:Release" not in kinds
    assert secret(client, NAME, "airflow-fernet-key")["fernet-key"]
