"""A running stack goes from an older Airflow to this one and back, and tasks that run outlive the way there.

By either engine, each in a deployment of its own, in which the tests go on from one another's state.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from lightkube.resources.core_v1 import Pod

from infra import names
from local import engine, stack
from local.bucket import secret
from local.kubernetes_client import connect
from local.machine import Machine
from local.up import UNDECIDED
from local.waiting import wait
from pipelines import releases
from pipelines.schema_heads import head_of
from tests.conftest import ROOT, Deployed, remove
from tests.platform.commands import Finished, clone_of, run
from tests.platform.observed import Api, api_of, await_served, digest_of, of_no_namespace, published
from tests.platform.older_release import AIRFLOW, NOT_YET, make_older
from tests.platform.postgres import query

# An image of the older Airflow is built, all of Airflow comes up three times by each engine, and a task takes its time.
pytestmark = [pytest.mark.platform, pytest.mark.long]

ENGINES = ["direct", pytest.param("pulumi", marks=pytest.mark.cli)]
DAG, RUN = "long_task", "alive-all-through"
FIXTURE = ROOT / "tests/fixtures/long_task"
BEGUN_SECONDS, ENDED_SECONDS, GONE_SECONDS = 180, 600, 120


@dataclass
class Repository:
    """A clone with a history: ``older`` is the commit with the older Airflow, ``newer`` the one after it."""

    folder: Path
    older: str = ""
    newer: str = ""

    def commit(self, message: str) -> str:
        who = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "core.hooksPath=/dev/null")
        for command in (("add", "--all"), ("commit", "--quiet", "--message", message)):
            subprocess.run(["git", *who, *command], cwd=self.folder, check=True)
        head = ["git", "rev-parse", "HEAD"]
        return subprocess.run(head, cwd=self.folder, check=True, capture_output=True, text=True).stdout.strip()

    def check_out(self, commit: str) -> None:
        """The commit's files, whatever was changed."""
        subprocess.run(["git", "checkout", "--quiet", "--force", commit], cwd=self.folder, check=True)

    def run(self, *command: str) -> Finished:
        return run(*command, clone=self.folder)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    folder = clone_of(ROOT, tmp_path_factory.mktemp("upgrade") / "clone")
    newer = tmp_path_factory.mktemp("newer")
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    (folder / ".git/info/exclude").write_text(".venv\n")
    shutil.copytree(FIXTURE, folder / "dags", dirs_exist_ok=True)
    shutil.copytree(folder, newer, dirs_exist_ok=True, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    for name in NOT_YET:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    make_older(folder)
    found = Repository(folder)
    found.older = found.commit(f"Airflow {AIRFLOW}")
    shutil.copytree(newer, folder, dirs_exist_ok=True, symlinks=True, ignore=shutil.ignore_patterns(".venv", "build"))
    found.newer = found.commit(f"Airflow {releases.AIRFLOW}")
    return found


@pytest.fixture(scope="module", params=ENGINES)
def upgraded(request: pytest.FixtureRequest, started: Machine, repository: Repository) -> Iterator[Deployed]:
    client, name = connect(started), f"airflow-upgrade-{request.param}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(stack.NAME_VARIABLE, name)
        patch.setenv("APPLY", request.param)
        settings = stack.settings(started, UNDECIDED)
        remove(started, client, settings)
        try:
            repository.check_out(repository.older)
            done = repository.run("local", "up", "--no-smoke")
            assert done.status == 0, done.output
            told("up", AIRFLOW, done)
            repository.check_out(repository.newer)
            choice = engine.recorded(client, name)
            assert choice is not None
            print(choice)
            yield Deployed(started, client, choice, stack.settings(started, choice), repository.folder)
        finally:
            remove(started, client, settings)


def told(what: str, version: str, done: Finished) -> None:
    """A figure for docs/upgrades.md."""
    print(f"{what} {version}: {done.seconds:.0f} s")


def revision(deployed: Deployed) -> str:
    return query(deployed, "SELECT version_num FROM alembic_version")


def versions(deployed: Deployed) -> set[str]:
    """The Airflow of every process that is always there."""
    found: Any = deployed.client.list(Pod, namespace=deployed.settings.name, labels={"tier": "airflow"})
    live = [one for one in found if one.metadata.labels["component"] != "worker" and one.status.phase == "Running"]
    return {one.spec.containers[0].image.rpartition(":")[2].partition("-")[0] for one in live}


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


def test_a_task_that_runs_outlives_the_upgrade(upgraded: Deployed, repository: Repository) -> None:
    assert (versions(upgraded), revision(upgraded)) == ({AIRFLOW}, head_of(AIRFLOW))
    pods = begin(upgraded)
    began = time.monotonic()
    plan = repository.run("stacks", "upgrade", "dev", "--plan")
    assert plan.status == 0, plan.output
    assert f"the database's schema moves: the way back is stacks rollback --restore (revision {head_of(AIRFLOW)})" in (
        plan.output
    )
    assert "salesforce" in plan.output
    assert "de-airflow-pipeline-cost-of-living" not in plan.output
    done = repository.run("stacks", "upgrade", "dev", "--yes")
    assert done.status == 0, done.output
    told("upgrade to", releases.AIRFLOW, done)
    assert (versions(upgraded), revision(upgraded)) == ({releases.AIRFLOW}, head_of(releases.AIRFLOW))
    print(f"{time.monotonic() - began:.0f} s after both tasks ran, they are {states(api_of(upgraded))}")
    assert task_pods(upgraded) == pods


def test_a_second_deployment_changes_nothing(upgraded: Deployed, repository: Repository) -> None:
    done = repository.run("local", "up", "--no-smoke")
    assert done.status == 0, done.output
    assert done.counts[:4] == (0, 0, 0, 0), done.output


def test_a_new_fernet_key_re_encrypts_what_is_there(upgraded: Deployed, repository: Repository) -> None:
    def held() -> tuple[str, str]:
        """The key of the cluster, and a variable as the database keeps it."""
        key = secret(upgraded.client, upgraded.settings.name, names.FERNET_KEY_SECRET)["fernet-key"]
        return key, query(upgraded, "SELECT val FROM variable WHERE key = 'rotated'")

    api_of(upgraded).set_variable("rotated", "plain words")
    old_key, _ = held()
    done = repository.run("stacks", "rotate-fernet", "dev", "--yes")
    assert done.status == 0, done.output
    told("a new Fernet key under", releases.AIRFLOW, done)
    new_key, kept = held()
    assert Fernet(new_key).decrypt(kept.encode()) == b"plain words"
    with pytest.raises(InvalidToken):
        Fernet(old_key).decrypt(kept.encode())


def test_the_way_back_is_refused_where_the_schema_is_ahead(upgraded: Deployed, repository: Repository) -> None:
    done = repository.run("stacks", "rollback", "dev", repository.older, "--yes")
    assert done.status == 1
    assert f"found:    revision {head_of(releases.AIRFLOW)}" in done.output
    assert f"stacks rollback dev {repository.older} --restore newest" in done.output
    assert "Traceback" not in done.output
    assert (versions(upgraded), revision(upgraded)) == ({releases.AIRFLOW}, head_of(releases.AIRFLOW))


def test_a_task_that_ran_all_through_ends_well(upgraded: Deployed) -> None:
    api = api_of(upgraded)
    wait(
        "the run to end",
        lambda: None if api.run_state(DAG, RUN) in ("success", "failed") else str(states(api)),
        ENDED_SECONDS,
    )
    assert states(api) == {"in_pod": ("success", 1), "in_worker": ("success", 1)}


def test_told_to_it_goes_back_with_the_database_of_then(upgraded: Deployed, repository: Repository) -> None:
    done = repository.run("stacks", "rollback", "dev", repository.older, "--restore", "newest", "--yes")
    assert done.status == 0, done.output
    told("roll-back to", AIRFLOW, done)
    assert (versions(upgraded), revision(upgraded)) == ({AIRFLOW}, head_of(AIRFLOW))
    repository.check_out(repository.older)
    proved = repository.run("local", "smoke", "cost_of_living")
    assert proved.status == 0, proved.output


def test_destroyed_it_leaves_images_and_nothing_else(upgraded: Deployed, repository: Repository) -> None:
    images = json.loads(published(upgraded)["images.json"])["images"]
    done = repository.run("stacks", "destroy", "dev", "--yes")
    assert done.status == 0, done.output
    told("destroy", AIRFLOW, done)
    assert f"data that goes: {upgraded.settings.name}: its volumes" in done.output
    wait("volumes to go", lambda: " ".join(of_no_namespace(upgraded)) or None, GONE_SECONDS)
    assert all(digest_of(upgraded, image["reference"]) for image in images.values())
