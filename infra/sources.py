"""What the repository holds, read and checked before any resource is registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra import names
from infra.settings import Settings
from pipelines.catalog import Catalog, CatalogImage, Platform, catalog_of
from pipelines.dag_config import DAGS, DagConfig, load_dags
from pipelines.dag_tree import PublishedTree, pack, published_tree
from pipelines.errors import InputError, problems_in
from pipelines.images import CONTEXTS, IMAGES, AirflowVersion, Image, Repository, declared_profiles, load_images


@dataclass(frozen=True)
class Sources:
    """Images in the order they are built, the catalog without digests, DAG configs, and where they were read."""

    images: tuple[Image, ...]
    catalog: Catalog
    dags: tuple[DagConfig, ...]
    dags_folder: Path

    def tree(self, digests: Mapping[str, str]) -> PublishedTree:
        """The tree to publish once these digests are known (image name -> digest)."""
        return published_tree(self.dags, self.catalog.with_digests(digests), self.dags_folder)


def load(settings: Settings, root: Path = Path()) -> Sources:
    """Reads ``images/`` and ``dags/`` below ``root`` and stages the images' build contexts.

    Raises InputError with every problem. What would be too large to publish is refused here already.
    """
    try:
        images = load_staged(settings, root)
    except InputError as error:
        declared = Catalog(_declared(root), platform(settings))
        raise InputError([*error.problems, *problems_in(lambda: load_dags(root / DAGS, declared))]) from None
    catalog = catalog_of(images, platform(settings))
    sources = Sources(images, catalog, load_dags(root / DAGS, catalog), root / DAGS)
    pack(sources.tree({}))
    return sources


def load_staged(settings: Settings, root: Path = Path()) -> tuple[Image, ...]:
    """The images below ``root``, with their build contexts staged. Raises InputError with every problem of them."""
    registry, airflow = settings.registry, settings.airflow
    return load_images(
        root / IMAGES,
        Repository(registry.server, registry.owner, registry.prefix),
        AirflowVersion(airflow.version, airflow.python),
        root / CONTEXTS,
        settings.images.base_digests,
    )


def _declared(root: Path) -> dict[str, CatalogImage]:
    """What the folders say they are, where not all of them are right: enough to check DAG configs against."""
    profiles = declared_profiles(root / IMAGES)
    return {type_: CatalogImage(type_, "", profile or "", "") for type_, profile in profiles.items()}


def platform(settings: Settings) -> Platform:
    """What generated DAG code must know of the cluster."""
    return Platform(
        namespace=settings.name,
        tasks_namespace=settings.tasks_namespace,
        pull_secret=names.REGISTRY_SECRET,
        service_account=names.TASK_ACCOUNT,
        object_store_secret=names.STORE_TASKS_SECRET,
        xcom_sidecar_image=settings.tasks.xcom_sidecar_image,
        executors=settings.airflow.executors,
        pools=tuple(sorted(settings.airflow.pools)),
        secrets=tuple(sorted(settings.tasks.secrets)),
    )
