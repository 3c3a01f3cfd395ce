"""The main job on the running platform, by whichever engine made it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lightkube.resources.core_v1 import Pod

from tests.conftest import Deployed
from tests.platform.commands import Finished, clone_of, run

pytestmark = pytest.mark.platform

NOTHING = (0, 0, 0, 0)
UNCHANGED_SECONDS = 15
IMAGE_EDIT_SECONDS = 60
SOURCE_EDIT_SECONDS = 30


@pytest.fixture(scope="module")
def settled(deployed: Deployed) -> Deployed:
    """Deployed, and what an earlier test or an edit may have left is applied."""
    done = run("local", "up")
    assert done.status == 0, done.output
    return deployed


@pytest.fixture
def clone(settled: Deployed, tmp_path: Path) -> Iterator[Path]:
    """Another clone to edit in; afterwards this one's content is deployed again."""
    yield clone_of(settled.root, tmp_path / "elsewhere")
    assert run("local", "up").status == 0


def components(deployed: Deployed) -> dict[str, tuple[str, int]]:
    """Every long-running pod of Airflow and its stores: its identity and how often it was restarted."""
    found: Any = deployed.client.list(Pod, namespace=deployed.settings.name)
    return {
        pod.metadata.name: (pod.metadata.uid, sum(one.restartCount for one in pod.status.containerStatuses or ()))
        for pod in found
        if pod.metadata.ownerReferences and pod.metadata.ownerReferences[0].kind in ("ReplicaSet", "StatefulSet")
    }


def published(deployed: Deployed) -> dict[str, bytes]:
    """The published tree: path -> content."""
    import io
    import tarfile

    version = deployed.bucket.published_version()
    archive = deployed.bucket.get(f"dags/versions/{version}.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tree:
        return {one.name: tree.extractfile(one).read() for one in tree.getmembers() if one.isfile()}  # type: ignore[union-attr]


def up(clone: Path) -> Finished:
    done = run("local", "up", clone=clone)
    assert done.status == 0, done.output
    return done


def test_nothing_changed_does_nothing(settled: Deployed) -> None:
    done = run("local", "up")
    assert done.counts[:4] == NOTHING
    assert "has passed the smoke test before" in done.output
    assert done.seconds < UNCHANGED_SECONDS


def test_another_clone_under_another_umask_does_nothing(settled: Deployed, clone: Path) -> None:
    assert up(clone).counts[:4] == NOTHING


def test_smoke_proves_every_task(settled: Deployed) -> None:
    done = run("local", "smoke")
    assert done.status == 0, done.output
    rows = [line.split() for line in done.output.splitlines() if " success " in f" {line} "]
    assert {(row[0], row[1], row[3]) for row in rows} >= {
        ("cost_of_living", "extract", "cost-of-living"),
        ("cost_of_living", "adjust", "cost-of-living"),
        ("cost_of_living", "report", "cost-of-living"),
        ("lakehouse_summary", "summarise", "lakehouse"),
    }


def test_an_image_edit_rebuilds_that_image_only(settled: Deployed, clone: Path) -> None:
    before, tree = components(settled), published(settled)
    with (clone / "images/cost-of-living/pyproject.toml").open("a") as file:
        file.write("\n# edited\n")
    done = run("local", "up", "--no-smoke", clone=clone)
    assert done.status == 0, done.output
    assert done.counts[0] == 1
    assert done.seconds < IMAGE_EDIT_SECONDS
    after = published(settled)
    changed = {name for name in tree.keys() | after.keys() if tree.get(name) != after.get(name)}
    assert changed == {"cost_of_living.py", "images.json"}
    assert components(settled) == before


def test_a_source_edit_rebuilds_nothing(settled: Deployed, clone: Path) -> None:
    before, tree = components(settled), published(settled)
    with (clone / "dags/cost_of_living/tasks.py").open("a") as file:
        file.write("\n# edited\n")
    done = run("local", "up", "--no-smoke", clone=clone)
    assert done.status == 0, done.output
    assert done.counts[0] == 0
    assert done.seconds < SOURCE_EDIT_SECONDS
    after = published(settled)
    changed = {name for name in tree.keys() | after.keys() if tree.get(name) != after.get(name)}
    assert changed == {"cost_of_living.py", "sources/cost_of_living/tasks.py"}
    assert components(settled) == before


def test_a_dag_that_is_removed_goes_from_airflow_and_its_image_stays(settled: Deployed, clone: Path) -> None:
    (clone / "dags/lakehouse_summary.yaml").unlink()
    shutil.rmtree(clone / "dags/lakehouse_summary")
    shutil.rmtree(clone / "images/lakehouse")
    done = run("local", "up", "--no-smoke", clone=clone)
    assert done.status == 0, done.output
    assert "lakehouse_summary.py" not in published(settled)
    assert "lakehouse" in run("images", "list").output
    assert " to be built" not in run("images", "list").output


def test_bad_input_changes_nothing(settled: Deployed, clone: Path) -> None:
    before = resource_versions(settled)
    config = clone / "dags/cost_of_living.yaml"
    config.write_text(config.read_text().replace("image: cost-of-living", "image: cost-of-livin"))
    done = run("local", "up", clone=clone)
    assert done.status == 1
    assert "cost_of_living.yaml" in done.output
    assert "Traceback" not in done.output
    assert resource_versions(settled) == before


def resource_versions(deployed: Deployed) -> dict[str, str]:
    """Every object that an apply could touch, with its resource version; what controllers keep writing is left out."""
    from lightkube.core.resource import NamespacedResource
    from lightkube.core.resource_registry import resource_registry

    from local.apply import PRUNED

    found = {}
    for version, kinds in PRUNED:
        for name in kinds:
            kind: Any = resource_registry.load(version, name)
            where = {"namespace": deployed.settings.name} if issubclass(kind, NamespacedResource) else {}
            client: Any = deployed.client
            for one in client.list(kind, **where):
                found[f"{name}/{one.metadata.name}"] = one.metadata.resourceVersion
    return found


def test_status_tells_engine_chart_and_address(settled: Deployed) -> None:
    done = run("local", "status")
    assert done.status == 0
    assert f"applied by {settled.choice}" in done.output
    assert "smoke test passed" in done.output
    assert ("the chart is the stand-in" in done.output) == (settled.choice.chart == "stand-in")


def test_every_pod_is_restricted_with_requests_and_limits(settled: Deployed) -> None:
    for namespace in (settled.settings.name, settled.settings.tasks_namespace):
        for pod in list(settled.client.list(Pod, namespace=namespace)):
            one: Any = pod
            for container in [*(one.spec.initContainers or ()), *one.spec.containers]:
                what = f"{one.metadata.name}/{container.name}"
                assert {"cpu", "memory"} <= (container.resources.requests or {}).keys(), what
                assert {"cpu", "memory"} <= (container.resources.limits or {}).keys(), what
                assert container.securityContext.allowPrivilegeEscalation is False, what
                assert container.securityContext.capabilities.drop == ["ALL"], what
            assert one.spec.securityContext.runAsNonRoot, one.metadata.name
            assert one.spec.securityContext.seccompProfile.type == "RuntimeDefault", one.metadata.name
