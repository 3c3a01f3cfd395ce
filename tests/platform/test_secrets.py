"""Passwords and keys stand in Secrets, and nowhere else that people or programs read.

The process list is searched in test_rollout, while much runs; plans, and the state of a stack, in test_own_stack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from lightkube.resources.core_v1 import Secret

from infra import names
from local.cluster import kubectl
from tests.conftest import Deployed
from tests.platform.passwords import Found, Passwords, files, objects, releases, secrets_of, texts_of

# What runs in the cluster, and what is searched there, is the same whoever applied it.
pytestmark = [
    pytest.mark.platform,
    pytest.mark.parametrize("deployed", ["the engine that is there"], indirect=True, scope="session"),
]

COMPONENTS = ("api-server", "dag-processor", "scheduler", "triggerer")
#: Files of the engine that are there to hold a secret, or to be read with one.
KEPT_SECRET = ("passphrase",)


@pytest.fixture(scope="module")
def passwords(deployed: Deployed) -> Passwords:
    return Passwords.of(deployed)


def every_object_but_secrets(deployed: Deployed) -> Iterator[Found]:
    kinds = kubectl(deployed.machine, "api-resources", "--verbs=list", "--output=name").split()
    wanted = ",".join(kind for kind in kinds if kind != "secrets")
    yield from objects(kubectl(deployed.machine, "get", wanted, "--all-namespaces", "--output=json"))


def metadata_of_secrets(deployed: Deployed) -> Iterator[Found]:
    secret: Any
    for secret in deployed.client.list(Secret, namespace="*"):
        yield f"Secret {secret.metadata.name}", str(secret.metadata).encode()


def logs_of_daemons(deployed: Deployed) -> Iterator[Found]:
    yield from files(deployed.machine.state / "logs")


def logs_of_pods(deployed: Deployed) -> Iterator[Found]:
    yield from files(deployed.machine.state / "pod-logs")


def logs_in_pods(deployed: Deployed) -> Iterator[Found]:
    """The files that Airflow's components write beside what they print."""
    show = ("sh", "-c", "find /opt/airflow/logs -type f -exec cat {} +")
    for component in COMPONENTS:
        pod = f"deployment/{names.RELEASE}-{component}"
        shown = kubectl(deployed.machine, "exec", "--namespace", deployed.settings.name, pod, "--", *show)
        yield component, f"{component}: {shown}".encode()


def bucket(deployed: Deployed) -> Iterator[Found]:
    """Published DAG files and sources, task logs, results."""
    store = deployed.bucket
    for key in store.keys(""):
        yield from texts_of(key, store.get(key))


def database(deployed: Deployed) -> Iterator[Found]:
    """All that Airflow keeps of DAGs, runs, rendered fields and XComs."""
    server = ("exec", "--namespace", deployed.settings.name, "postgres-0", "--")
    dump = kubectl(deployed.machine, *server, "pg_dump", "--username=airflow", "airflow")
    yield "the metadata database", dump.encode()


def build_folder(deployed: Deployed) -> Iterator[Found]:
    yield from files(deployed.root / "build")


def engine(deployed: Deployed) -> Iterator[Found]:
    """Pulumi's state with its history and backups, its configuration, and its log of the last update."""
    kept = deployed.machine.state / "pulumi" / deployed.settings.name
    if deployed.choice.engine != "pulumi":
        pytest.skip("direct apply keeps nothing outside the cluster")
    yield from ((where, content) for where, content in files(kept) if not where.endswith(KEPT_SECRET))


@pytest.mark.parametrize(
    "places",
    [
        every_object_but_secrets,
        metadata_of_secrets,
        releases,
        logs_of_daemons,
        logs_of_pods,
        logs_in_pods,
        bucket,
        database,
        build_folder,
        engine,
    ],
    ids=lambda each: each.__name__,
)
def test_no_password_stands_there(
    deployed: Deployed, passwords: Passwords, places: Callable[[Deployed], Iterator[Found]]
) -> None:
    searched = list(places(deployed))
    assert sum(len(content) for _, content in searched) > 0
    assert passwords.leaks(searched) == []


OURS = {
    names.ADMIN_SECRET,
    names.API_SECRET_KEY_SECRET,
    names.FERNET_KEY_SECRET,
    names.JWT_SECRET,
    names.METADATA_SECRET,
    names.POSTGRES_SECRET,
    names.REGISTRY_SECRET,
    names.STORE_AIRFLOW_SECRET,
    names.STORE_PUBLISHER_SECRET,
    names.STORE_ROOT_SECRET,
    names.STORE_TASKS_SECRET,
    names.STORE_USERS_SECRET,
}


def test_each_secret_is_found_where_it_belongs(deployed: Deployed, passwords: Passwords) -> None:
    core, tasks = deployed.settings.name, deployed.settings.tasks_namespace
    wanted = {*(f"{core}/{name}" for name in OURS), f"{tasks}/{names.REGISTRY_SECRET}"}
    held = {where for where, content in secrets_of(deployed) if passwords.leaks([(where, content)])}
    assert wanted - {where.partition(":")[0] for where in held} == set()
    listed = [
        found
        for namespace in (core, tasks)
        for found in objects(kubectl(deployed.machine, "get", "secrets", "--namespace", namespace, "--output=json"))
    ]
    told = {leak.rpartition(" in Secret ")[2] for leak in passwords.leaks(listed)}
    assert wanted - told == set()


def test_each_source_of_values_is_searched_for(passwords: Passwords, deployed: Deployed) -> None:
    owners = {owner.partition(":")[0] for found in passwords.owners.values() for owner in found}
    assert {"registry", "kube-apiserver.pem", f"{deployed.settings.name}/{names.ADMIN_SECRET}"} <= owners
    assert ("passphrase" in owners) == (deployed.choice.engine == "pulumi")
