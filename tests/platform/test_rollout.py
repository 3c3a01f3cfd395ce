"""What a change of the repository changes on the platform, and how fast. The tests go on from one another's content."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.task_pods import PodWatch
from tests.conftest import Deployed
from tests.platform.observed import api_of, await_served, changed, components, digest_of, published, reference_of
from tests.platform.passwords import Passwords
from tests.platform.probe import DAG, Probe
from tests.platform.processes import Listing
from tests.platform.scratch import Scratch, scratch_clone

pytestmark = pytest.mark.platform

#: Engine -> a program that it starts to build, which is told where the registry is.
BUILDS = {"direct": "buildctl", "pulumi": "pulumi-resource-docker-build"}
CHANGED_BY_AN_IMAGE = {"cost_of_living.py", "images.json", "pod_templates/cost-of-living.yaml"}


@pytest.fixture(scope="module")
def listing() -> Iterator[Listing]:
    with Listing() as listing:
        yield listing


@pytest.fixture(scope="module")
def scratch(deployed: Deployed, listing: Listing, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    with scratch_clone(tmp_path_factory.mktemp("rollout")) as clone:
        yield clone


def test_a_second_clone_changes_nothing(scratch: Scratch) -> None:
    built, created, changed_objects, deleted, _ = scratch.up().counts
    assert (built, created, changed_objects, deleted) == (0, 0, 0, 0)


def test_an_image_change_rebuilds_that_image_and_changes_its_dag_only(deployed: Deployed, scratch: Scratch) -> None:
    before, tree = components(deployed), published(deployed)
    scratch.change_image("first")
    done = scratch.up()
    assert done.counts[0] == 1, done.output
    assert changed(tree, published(deployed)) == CHANGED_BY_AN_IMAGE
    assert components(deployed) == before
    await_served(deployed, "cost_of_living")


def test_a_source_change_rebuilds_nothing(deployed: Deployed, scratch: Scratch) -> None:
    before, tree = components(deployed), published(deployed)
    scratch.append("dags/cost_of_living/tasks.py", "\n# changed\n")
    done = scratch.up()
    assert done.counts[0] == 0, done.output
    assert changed(tree, published(deployed)) == {"cost_of_living.py", "sources/cost_of_living/tasks.py"}
    assert components(deployed) == before
    await_served(deployed, "cost_of_living")


def test_a_run_keeps_the_file_the_source_and_the_image_that_it_started_with(
    deployed: Deployed, scratch: Scratch
) -> None:
    scratch.add_probe()
    scratch.up()
    await_served(deployed, DAG)
    probe, old_digest = Probe(deployed), digest_of(deployed, reference_of(published(deployed), "cost-of-living"))
    old = probe.start()
    with PodWatch(deployed.client, (deployed.settings.tasks_namespace,), old) as old_pods:
        probe.await_held(old)
        scratch.change_image("second")
        scratch.replace("dags/probe.yaml", "file: one", "file: two")
        scratch.replace("dags/probe/tasks.py", 'SOURCE = "one"', 'SOURCE = "two"')
        scratch.up()
        await_served(deployed, DAG)
        new_digest = digest_of(deployed, reference_of(published(deployed), "cost-of-living"))
        assert new_digest != old_digest
        new = probe.start()
        with PodWatch(deployed.client, (deployed.settings.tasks_namespace,), new) as new_pods:
            for run in (old, new):
                probe.let_go(run, "succeed")
            assert (probe.await_end(old), probe.await_end(new)) == ("success", "success")
    for run, pods, word, digest in ((old, old_pods, "one", old_digest), (new, new_pods, "two", new_digest)):
        for task in ("first", "second"):
            result = probe.result(run, task)
            assert (result["file"], result["source"]) == (word, word), (run, task)
            assert [pod.digest for pod in pods.of(DAG, task)] == [digest], (run, task)


def test_a_removed_dag_goes_from_airflow_and_its_image_stays_in_the_registry(
    deployed: Deployed, scratch: Scratch
) -> None:
    before, tree = components(deployed), published(deployed)
    reference = reference_of(tree, "lakehouse")
    assert "lakehouse_summary" in api_of(deployed).dags()
    scratch.remove("dags/lakehouse_summary.yaml", "dags/lakehouse_summary", "images/lakehouse")
    scratch.up()
    assert changed(tree, published(deployed)) >= {"lakehouse_summary.py", "images.json", "pod_templates/lakehouse.yaml"}
    await_served(deployed, "cost_of_living")
    assert "lakehouse_summary" not in api_of(deployed).dags()
    assert digest_of(deployed, reference)
    assert components(deployed) == before


@pytest.mark.parametrize("deployed", ["the engine that is there"], indirect=True, scope="session")
def test_no_password_was_shown(deployed: Deployed, scratch: Scratch, listing: Listing) -> None:
    """In the process list during all of the above, by commands, pods and daemons, and in what the commands said."""
    assert {BUILDS[deployed.choice.engine], "postgres", "kube-apiserver"} - listing.programs == set()
    places = [*(("a command line", line) for line in listing.seen), *(("up", said.encode()) for said in scratch.said)]
    assert Passwords.of(deployed).leaks(places) == []
