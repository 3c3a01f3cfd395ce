"""The places in the bucket that parts which cannot import one another agree on."""

from __future__ import annotations

from airflow_runtime.object_store import DEFAULT_PREFIX
from airflow_runtime.publish import SOURCE_ADDRESS, SUFFIX
from infra import names
from pipelines.published_paths import PREFIX, SOURCES, SOURCES_PREFIX


def test_the_runtime_publishes_where_the_generated_files_look():
    assert DEFAULT_PREFIX == PREFIX == names.DAGS_PREFIX
    assert names.SOURCES_PREFIX == SOURCES_PREFIX == f"{DEFAULT_PREFIX}/{SOURCES}"


def test_the_runtime_finds_the_sources_that_the_generated_files_name():
    assert SOURCE_ADDRESS.findall(f"{SOURCES_PREFIX}/{'a' * 64}{SUFFIX}".encode()) == [b"a" * 64]
