"""The small tree of tests/fixtures, copied to be broken, and its catalog."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipelines.catalog import Catalog, Platform, catalog_of
from pipelines.images import AirflowVersion, Image, Repository, load_images

FIXTURE = Path(__file__).parents[1] / "fixtures" / "tree"
REPOSITORY = Repository("ghcr.io", "acme", "pipeline")
AIRFLOW = AirflowVersion("3.2.2", "3.13")
PLATFORM = Platform(
    namespace="airflow",
    tasks_namespace="airflow-tasks",
    pull_secret="registry",
    service_account="airflow-task",
    object_store_secret="object-store-tasks",
    xcom_sidecar_image="busybox:1.37.0-musl",
    executors=("KubernetesExecutor", "LocalExecutor"),
)


def copy_tree(to: Path) -> Path:
    shutil.copytree(FIXTURE, to)
    return to


def images_of(root: Path, stage_to: Path | None = None) -> dict[str, Image]:
    return {image.name: image for image in load_images(root / "images", REPOSITORY, AIRFLOW, stage_to)}


def catalog(root: Path = FIXTURE, platform: Platform = PLATFORM) -> Catalog:
    return catalog_of(images_of(root).values(), platform)


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text, f"{before!r} is not in {file}"
    file.write_text(text.replace(before, after))
