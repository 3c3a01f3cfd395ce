"""The catalog: types, references, digests."""

from __future__ import annotations

import json
from dataclasses import replace

from airflow_runtime.catalog import image
from tests.pipelines.trees import FIXTURE, PLATFORM, catalog, images_of

DIGEST = "sha256:" + "a" * 64


def test_bases_are_no_types():
    assert sorted(catalog().images) == ["letters", "warehouse"]


def test_digests_are_joined():
    joined = catalog().with_digests({"letters": DIGEST})
    reference = images_of(FIXTURE)["letters"].reference
    assert catalog().images["letters"].pinned == reference
    assert joined.images["letters"].pinned == f"{reference}@{DIGEST}"
    assert joined.images["warehouse"] == catalog().images["warehouse"]
    assert catalog().with_digests({"bases/slim": DIGEST}) == catalog()


def test_the_runtime_reads_what_is_written(tmp_path):
    joined = catalog().with_digests({"letters": DIGEST})
    (tmp_path / "images.json").write_text(joined.to_json())
    for type_, entry in joined.images.items():
        assert image(type_, beside=str(tmp_path / "dag.py")) == entry.pinned
    assert json.loads(joined.to_json())["platform"]["tasks_namespace"] == "airflow-tasks"


def test_one_executor_is_not_named():
    assert PLATFORM.executor("LocalExecutor") == "LocalExecutor"
    assert replace(PLATFORM, executors=("KubernetesExecutor",)).executor("KubernetesExecutor") is None
