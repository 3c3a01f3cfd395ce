"""A running stack goes from an older Airflow to this one and back, and tasks that run outlive the way there.

This machine's own stack by direct apply, and staging as it is committed by the real engine, over a store and a database
that others run. The tests go on from one another's state.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from lightkube.resources.core_v1 import Pod

from commands.stack_garbage import images_of
from infra import names
from infra.stack_images import read_images
from local.bucket import secret
from local.machine import Machine
from local.waiting import wait
from pipelines import releases
from pipelines.schema_heads import head_of
from pipelines.upgrades import COMPONENTS
from registry.client import docker_credentials
from registry.contents import Contents
from tests.conftest import ROOT, Deployed
from tests.platform.history import TwoReleases, two_releases
from tests.platform.observed import Api, api_of, await_served, digest_of, of_no_namespace, published
from tests.platform.older_release import AIRFLOW
from tests.platform.upgraded import WAYS, OnThisMachine, Upgraded, told

# An image of the older Airflow is built, all of Airflow comes up three times in each way, and a task takes its time.
pytestmark = [pytest.mark.platform, pytest.mark.long]

BY_THE_CLI = [pytest.mark.cli, pytest.mark.chart]
DAG, RUN = "long_task", "alive-all-through"
BEGUN_SECONDS, ENDED_SECONDS, GONE_SECONDS = 180, 600, 120


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> TwoReleases:
    return two_releases(tmp_path_factory.mktemp("upgrade"), ROOT / "tests/fixtures/long_task")


@pytest.fixture(scope="module", params=[pytest.param(way, marks=BY_THE_CLI if "pulumi" in way else []) for way in WAYS])
def upgraded(
    request: pytest.FixtureRequest, started: Machine, two: TwoReleases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Upgraded]:
    with WAYS[request.param](started, two, tmp_path_factory.mktemp("stack")) as found:
        yield found


def stands_at(upgraded: Upgraded) -> tuple[set[str], str]:
    """The Airflow of every process that is always there, and the revision of the database's schema."""
    labels: Any = {"component": COMPONENTS}
    found: Any = upgraded.deployed.client.list(Pod, namespace=upgraded.deployed.settings.name, labels=labels)
    live = [one for one in found if one.status.phase == "Running"]
    versions = {one.spec.containers[0].image.rpartition(":")[2].partition("-")[0] for one in live}
    return versions, upgraded.query("SELECT version_num FROM alembic_version")


def head(airflow: str) -> tuple[set[str], str | None]:
    """What ``stands_at`` says where this is deployed."""
    return {airflow}, head_of(airflow)


def task_pods(deployed: Deployed) -> dict[str, str]:
    """Task -> the uid of its one pod that runs."""
    settings = deployed.settings
    labels: Any = {"dag_id": DAG, "run_id": RUN}
    return {
        one.metadata.labels["task_id"]: one.metadata.uid
        for namespace in (settings.name, settings.tasks_namespace)
        for one in deployed.client.list(Pod, namespace=namespace, labels=labels)
        if one.status.phase == "Running"
    }


def in_the_bucket(deployed: Deployed) -> set[str]:
    """The references of the images that any published version names."""
    bucket = deployed.bucket
    versions = [bucket.get(key) for key in bucket.keys(f"{names.DAGS_PREFIX}/versions/")]
    return {image.partition("@")[0] for version in versions for image in images_of(version)}


def begin(deployed: Deployed) -> dict[str, str]:
    """Start the run; its pods, once both run."""
    await_served(deployed, DAG)
    api = api_of(deployed)
    api.unpause(DAG)
    api.trigger(DAG, RUN)
    wait("both tasks", lambda: None if len(task_pods(deployed)) == 2 else str(states(api)), BEGUN_SECONDS)
    return task_pods(deployed)


def states(api: Api) -> dict[str, tuple[str, int]]:
    return {one.task: (one.state, one.tries) for one in api.tasks(DAG, RUN)}


def test_a_task_that_runs_outlives_the_upgrade(upgraded: Upgraded) -> None:
    assert stands_at(upgraded) == head(AIRFLOW)
    pods = begin(upgraded.deployed)
    began = time.monotonic()
    plan = upgraded.commands("stacks", "upgrade", upgraded.stack, "--plan")
    assert plan.status == 0, plan.output
    assert f"the database's schema moves: the way back is stacks rollback --restore (revision {head_of(AIRFLOW)})" in (
        plan.output
    )
    assert "salesforce" in plan.output
    assert "de-airflow-pipeline-cost-of-living" not in plan.output
    done = upgraded.commands("stacks", "upgrade", upgraded.stack, "--yes")
    assert done.status == 0, done.output
    told(f"upgrade to {releases.AIRFLOW}", done)
    assert stands_at(upgraded) == head(releases.AIRFLOW)
    print(f"{time.monotonic() - began:.0f} s after both tasks ran, they are {states(api_of(upgraded.deployed))}")
    assert task_pods(upgraded.deployed) == pods


def test_a_second_deployment_changes_nothing(upgraded: Upgraded) -> None:
    upgraded.changes_nothing()


def test_a_new_fernet_key_re_encrypts_what_is_there(upgraded: Upgraded) -> None:
    deployed = upgraded.deployed

    def held() -> tuple[str, str]:
        """The key of the cluster, and a variable as the database keeps it."""
        key = secret(deployed.client, deployed.settings.name, names.FERNET_KEY_SECRET)["fernet-key"]
        return key, upgraded.query("SELECT val FROM variable WHERE key = 'rotated'")

    api_of(deployed).set_variable("rotated", "plain words")
    old_key, _ = held()
    done = upgraded.commands("stacks", "rotate-fernet", upgraded.stack, "--yes")
    assert done.status == 0, done.output
    told(f"a new Fernet key under {releases.AIRFLOW}", done)
    new_key, kept = held()
    assert Fernet(new_key).decrypt(kept.encode()) == b"plain words"
    with pytest.raises(InvalidToken):
        Fernet(old_key).decrypt(kept.encode())


def test_images_that_the_way_back_needs_are_not_collected(upgraded: Upgraded) -> None:
    """Versions in the bucket name what DAGs run. What that stood on is named by none, and is built again."""
    if isinstance(upgraded, OnThisMachine):
        pytest.skip("other deployments of this machine have their images in the same repositories")
    deployed, stack = upgraded.deployed, upgraded.stack
    needed = in_the_bucket(deployed)
    assert len({one for one in needed if "-salesforce:" in one}) == 2
    (base,) = [one for one in read_images(deployed.settings, deployed.root, stage=False) if one.name == "bases/worker"]
    server, _, repository = base.reference.rpartition(":")[0].partition("/")
    with Contents(server, docker_credentials(deployed.machine.docker_config)[server]) as registry:
        kept = {one.rpartition(":")[2] for one in (base.reference, base.alias)}
        older = set(registry.tags(repository)) - kept
        assert older
        listed = upgraded.commands("stacks", "gc", stack)
        assert listed.status == 0, listed.output
        told("list of images to collect", listed)
        assert set(registry.tags(repository)) == older | kept
        done = upgraded.commands("stacks", "gc", stack, "--delete", "--yes")
        assert done.status == 0, done.output
        told("collection of images", done)
        assert set(registry.tags(repository)) == kept
    assert all(digest_of(deployed, image) for image in needed)


def test_the_way_back_is_refused_where_the_schema_is_ahead(upgraded: Upgraded) -> None:
    older = upgraded.releases.older
    done = upgraded.commands("stacks", "rollback", upgraded.stack, older, "--yes")
    assert done.status == 1
    told(f"roll-back to {AIRFLOW}, refused", done)
    assert f"found:    revision {head_of(releases.AIRFLOW)}" in done.output
    assert f"stacks rollback {upgraded.stack} {older} --restore newest" in done.output
    assert "Traceback" not in done.output
    assert stands_at(upgraded) == head(releases.AIRFLOW)


def test_a_task_that_ran_all_through_ends_well(upgraded: Upgraded) -> None:
    api = api_of(upgraded.deployed)
    wait(
        "the run to end",
        lambda: None if api.run_state(DAG, RUN) in ("success", "failed") else str(states(api)),
        ENDED_SECONDS,
    )
    assert states(api) == {"in_pod": ("success", 1), "in_worker": ("success", 1)}


def test_told_to_it_goes_back_with_the_database_of_then(upgraded: Upgraded) -> None:
    older = upgraded.releases.older
    done = upgraded.commands("stacks", "rollback", upgraded.stack, older, "--restore", "newest", "--yes")
    assert done.status == 0, done.output
    told(f"roll-back to {AIRFLOW}", done)
    # What the dump that it made first is encrypted with stays.
    assert "airflow.fernetKeys: [1, 2]" in done.output
    assert stands_at(upgraded) == head(AIRFLOW)
    upgraded.releases.repository.check_out(older)
    upgraded.proves("cost_of_living")


def test_destroyed_it_leaves_images_and_nothing_else(upgraded: Upgraded) -> None:
    deployed = upgraded.deployed
    images = json.loads(published(deployed)["images.json"])["images"]
    upgraded.unprotect()
    done = upgraded.commands("stacks", "destroy", upgraded.stack, "--yes")
    assert done.status == 0, done.output
    told(f"destroy {AIRFLOW}", done)
    assert f"data that goes: {deployed.settings.name}: its volumes" in done.output
    wait("volumes to go", lambda: " ".join(of_no_namespace(deployed)) or None, GONE_SECONDS)
    assert all(digest_of(deployed, image["reference"]) for image in images.values())
