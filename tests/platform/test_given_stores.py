"""Staging's and prod's settings, as they are committed, over a store and a database that others run, with TLS.

On the real engine, with the official chart. The tests go on from one another's state, staging's before prod's, which
runs the images that staging has built.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from lightkube import Client
from lightkube.resources.batch_v1 import CronJob
from lightkube.resources.core_v1 import Pod

from infra import names, pgbouncer, promotion
from infra.mirrored_images import of_others
from infra.names import STORE_AIRFLOW_SECRET
from local import services
from local.bucket import secret, service_address
from local.cluster import kubectl
from local.engine import Choice
from local.kubernetes_client import connect, namespace_annotations
from local.machine import Machine
from local.mirror import ensure_mirror
from local.progress import Progress
from local.waiting import wait
from local.workloads import wait_for_job
from registry.client import Registry, docker_credentials
from tests.conftest import ROOT, Deployed
from tests.platform.commands import clone_of
from tests.platform.garbage import litter
from tests.platform.given_services import Given, given_services, remove
from tests.platform.history import Repository
from tests.platform.observed import Api, api_of, digest_of, published, succeeds
from tests.platform.stack_owner import Owner, chart_missing, owner_of

# All of Airflow comes up beside what is there.
pytestmark = [pytest.mark.platform, pytest.mark.cli, pytest.mark.chart, pytest.mark.long]

RUN = "over-given-stores"
HEALTHY_SECONDS, SEEN_SECONDS, JOB_SECONDS = 90, 120, 180
LONG_RUNNING = {"api-server", "dag-processor", "scheduler", "triggerer"}
PGBOUNCER_METRICS = 9127


@dataclass(frozen=True)
class Up:
    """A stack that is up; ``said`` is what its first ``pulumi up`` has told."""

    name: str
    owner: Owner
    client: Client
    given: Given
    said: str

    @property
    def namespace(self) -> str:
        return f"airflow-{self.name}"

    @property
    def deployed(self) -> Deployed:
        choice = Choice("pulumi", "official", None)
        return Deployed(self.owner.machine, self.client, choice, self.owner.settings(self.name), self.owner.clone)

    @property
    def api(self) -> Api:
        """Of its first administrator, logged in."""
        return api_of(self.deployed)

    def addresses(self) -> dict[str, str]:
        """The address of every pod of Airflow's namespace that had one -> what it is."""
        found: dict[str, str] = {}
        for pod in self.client.list(Pod, namespace=self.namespace):
            live: Any = pod
            labels = live.metadata.labels or {}
            if live.status.podIP:
                found[live.status.podIP] = labels.get("component") or labels.get("app.kubernetes.io/name", "")
        return found

    def at(self, service: str, port: int) -> str:
        return service_address(self.client, self.namespace, service, port)


@pytest.fixture(scope="module")
def owner(started: Machine, tmp_path_factory: pytest.TempPathFactory) -> Owner:
    if missing := chart_missing():
        pytest.skip(missing)
    services.keep(started)
    folder = tmp_path_factory.mktemp("owner")
    found = owner_of(started, clone_of(ROOT, folder / "clone"), folder)
    found.trust_the_store("cost_of_living")
    return found


@pytest.fixture(scope="module", params=["staging", "prod"])
def stack(
    request: pytest.FixtureRequest, owner: Owner, started: Machine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Up]:
    name, client = request.param, connect(started)
    namespaces = (f"airflow-{name}", f"airflow-{name}-tasks")
    with given_services(started, client, name, tmp_path_factory.mktemp(name)) as given:
        remove(client, *namespaces)
        try:
            owner.configure(name, given)
            if owner.settings(name).images.mode == "promote":
                owner.commands("stacks", "promote", "staging", name)
            ensure_mirror(started, Progress(), of_others(owner.settings(name)))
            yield Up(name, owner, client, given, owner.up(name))
        finally:
            remove(client, *namespaces)


def test_it_comes_up_over_what_others_run(stack: Up) -> None:
    assert "Traceback" not in stack.said
    kinds = {one["type"] for one in stack.owner.state(stack.name)}
    assert "kubernetes:apps/v1:StatefulSet" not in kinds
    assert "kubernetes:helm.sh/v3:Release" in kinds
    connection = json.loads(secret(stack.client, stack.namespace, STORE_AIRFLOW_SECRET)["AIRFLOW_CONN_OBJECT_STORE"])
    assert connection["login"] == "airflow"
    assert connection["extra"]["endpoint_url"].startswith("https://")


def test_the_second_time_nothing_changes(stack: Up) -> None:
    assert "unchanged" in stack.owner.up(stack.name, "--expect-no-changes")


def test_who_builds_none_runs_what_the_other_has_built(stack: Up) -> None:
    built = [one for one in stack.owner.state(stack.name) if one["type"] == "docker-build:index:Image"]
    settings = stack.owner.settings(stack.name)
    if settings.images.mode == "build":
        assert built
        return
    assert not built
    path = promotion.path_of(stack.name)
    promoted = promotion.read(stack.owner.clone, path)
    server, log_ins = settings.registry.server, docker_credentials(stack.owner.machine.docker_config)
    with Registry(server, log_ins[server]) as registry:
        assert {one.digest for one in promoted.images.values()} == {
            registry.digest(one.source) for one in promoted.images.values()
        }
        assert all(registry.exists(one.pinned) for one in promoted.images.values())


def test_the_first_administrator_logs_in(stack: Up) -> None:
    api = stack.api
    wait("Airflow", api.unhealthy, HEALTHY_SECONDS)
    assert stack.given.database.query("SELECT username FROM ab_user") == "admin"
    assert (
        stack.given.database.query(
            "SELECT r.name FROM ab_user u JOIN ab_user_role ur ON ur.user_id = u.id JOIN ab_role r ON r.id = ur.role_id"
        )
        == "Admin"
    )
    wrong = {"username": "admin", "password": "another"}
    answer = httpx.post(f"{api.address}/auth/token", json=wrong, trust_env=False, timeout=30)
    assert answer.status_code == httpx.codes.UNAUTHORIZED


def test_a_dag_runs_and_its_logs_lie_in_the_given_bucket(stack: Up) -> None:
    settings = stack.owner.settings(stack.name)
    stack.owner.have_pods_trust(stack.name, stack.given)
    succeeds(stack.deployed, "cost_of_living", RUN)
    root = stack.given.store.client("root")
    found = {one["Key"] for one in root.list_objects_v2(Bucket=settings.object_store.bucket)["Contents"]}
    assert any(key.startswith(f"logs/dag_id=cost_of_living/run_id={RUN}/") for key in found)
    assert stack.deployed.bucket.published_version()


def test_a_worker_pod_reaches_all_of_it(stack: Up) -> None:
    succeeds(stack.deployed, "lakehouse_summary", RUN)


def test_the_database_is_reached_as_the_settings_say(stack: Up) -> None:
    """By TLS only, which its server insists on; through PgBouncer, where there is a pool, but for Jobs."""
    settings, database = stack.owner.settings(stack.name), stack.given.database
    known = stack.addresses()
    seen = {known[address] for address in database.clients() if address in known}
    assert {"airflow-migration", "airflow-backup"} <= seen
    if settings.database.pool is None:
        assert seen >= LONG_RUNNING
        return
    assert not seen & LONG_RUNNING
    assert "pgbouncer" in seen
    console = f"{names.PGBOUNCER}.{stack.namespace}.svc"
    pools = database.query("SHOW POOLS", console, pgbouncer.PORT, "pgbouncer")
    assert any(line.startswith("airflow|airflow|") for line in pools.splitlines()), pools
    servers = database.query("SHOW SERVERS", console, pgbouncer.PORT, "pgbouncer").splitlines()
    assert servers
    assert all("TLS" in line for line in servers)
    [pod] = [address for address, what in known.items() if what == "pgbouncer"]
    metrics = httpx.get(f"http://{pod}:{PGBOUNCER_METRICS}/metrics", trust_env=False, timeout=30).text
    assert "pgbouncer_up 1" in metrics


def test_there_are_as_many_of_each_as_the_size_says(stack: Up) -> None:
    counts = stack.owner.settings(stack.name).airflow.availability.replicas.model_dump(by_alias=True)
    running = list(stack.addresses().values())
    assert running.count("scheduler") == counts["scheduler"]
    assert running.count("api-server") == counts["apiServer"]
    assert running.count("triggerer") == counts["triggerer"]


def test_prometheus_would_read_what_airflow_counts(stack: Up) -> None:
    address = stack.at("airflow-statsd", 9102)

    def missing() -> str | None:
        text = httpx.get(f"{address}/metrics", trust_env=False, timeout=30).text
        return None if "airflow_scheduler_heartbeat" in text else f"{len(text.splitlines())} lines, none of them"

    wait("the scheduler's heartbeat", missing, SEEN_SECONDS)
    assert '0.30.0"' in httpx.get(f"{address}/metrics", trust_env=False, timeout=30).text


def test_pods_that_are_left_are_cleaned_up(stack: Up) -> None:
    [job] = stack.client.list(CronJob, namespace=stack.namespace)
    assert job.metadata is not None
    where = ("--namespace", stack.namespace)
    kubectl(stack.owner.machine, *where, "create", "job", "clean-up-now", f"--from=cronjob/{job.metadata.name}")
    wait_for_job(stack.client, "clean-up-now", stack.namespace, JOB_SECONDS, Progress().doing)


def test_only_images_that_nothing_needs_are_collected(stack: Up) -> None:
    owner, settings, root = stack.owner, stack.owner.settings(stack.name), stack.given.store.client("root")
    repository = f"{settings.registry.owner}/{settings.registry.prefix}-cost-of-living"

    def put(key: str, content: bytes) -> None:
        root.put_object(Bucket=stack.given.store.bucket, Key=key, Body=content)

    # Which promotions there were says the history.
    Repository.begun(owner.clone).commit(stack.name)
    with litter(owner.machine, stack.client, repository, stack.given.database.namespace, put) as left:
        listed = owner.commands("stacks", "gc", stack.name)
        assert [one for one in left.digests if one[:19] in listed] == [left.nothing]
        assert left.there() == left.digests
        owner.commands("stacks", "gc", stack.name, "--delete", "--yes")
        assert left.there() == left.digests - {left.nothing}
        assert "every image in the registry is needed" in owner.commands("stacks", "gc", stack.name)
    images = json.loads(published(stack.deployed)["images.json"])["images"].values()
    assert all(digest_of(stack.deployed, one["reference"]) == one["digest"] for one in images)


def test_a_dump_goes_to_the_bucket(stack: Up) -> None:
    stack.owner.commands("stacks", "backup", stack.name)
    root = stack.given.store.client("root")
    found = root.list_objects_v2(Bucket=stack.given.store.bucket, Prefix="backups/")["Contents"]
    assert [one["Key"].endswith(".dump") and one["Size"] > 0 for one in found] == [True]


def test_what_is_protected_stays_when_the_stack_is_destroyed(stack: Up) -> None:
    said = stack.owner.commands("stacks", "destroy", stack.name, "--yes")
    assert "are protected and stay" in said
    for name in (stack.namespace, f"{stack.namespace}-tasks"):
        assert namespace_annotations(stack.client, name) is not None
    kinds = {one["type"] for one in stack.owner.state(stack.name)}
    assert "kubernetes:helm.sh/v3:Release" not in kinds
    assert secret(stack.client, stack.namespace, "airflow-fernet-key")["fernet-key"]
