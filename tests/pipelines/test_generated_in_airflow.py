"""The generated files of the fixture and of this repository, in the real Airflow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.catalog import catalog_of
from pipelines.dag_config import load_dags
from pipelines.dag_tree import published_tree
from pipelines.images import load_images
from tests.airflow_environment import checks_pass
from tests.infra import stacks
from tests.pipelines.trees import AIRFLOW, FIXTURE, PLATFORM, REPOSITORY

HOME = FIXTURE.parents[2]


@pytest.mark.airflow
@pytest.mark.parametrize("root", [FIXTURE, HOME], ids=["fixture", "repository"])
@pytest.mark.parametrize("executors", [PLATFORM.executors, PLATFORM.executors[:1]], ids="+".join)
def test_in_airflow(root, executors, tmp_path):
    stack = stacks.dev()
    platform = replace(
        PLATFORM, executors=executors, pools=tuple(stack.airflow.pools), secrets=tuple(stack.tasks.secrets)
    )
    catalog = catalog_of(load_images(root / "images", REPOSITORY, AIRFLOW), platform)
    pinned = catalog.with_digests(dict.fromkeys(catalog.images, f"sha256:{'a' * 64}"))
    for path, content in published_tree(load_dags(root / "dags", catalog), pinned, root / "dags").files.items():
        file = tmp_path / "generated" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    checks_pass(
        FIXTURE.parents[1] / "pipelines/inside/check_generated.py",
        tmp_path,
        GENERATED=str(tmp_path / "generated"),
        AIRFLOW__CORE__EXECUTOR=",".join(executors),
        XCOM_SIDECAR_IMAGE="busybox:1.37.0-musl",
    )
