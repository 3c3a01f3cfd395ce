"""What the repository holds, read and checked before any resource is registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from infra import names, promotion
from infra.settings import Settings
from infra.stack_images import read_images
from pipelines.catalog import Catalog, CatalogImage, Platform, catalog_of
from pipelines.dag_config import DAGS, CheckedDags, DagConfig, check_dags
from pipelines.dag_tree import PublishedTree, pack, published_tree
from pipelines.errors import InputError, Problem
from pipelines.images import IMAGES, Image, declared_profiles, in_use
from pipelines.stack_checks import Provision


@dataclass(frozen=True)
class Sources:
    """Images in the order they are built, the catalog without digests, DAG configs, and where they were read."""

    images: tuple[Image, ...]
    catalog: Catalog
    dags: tuple[DagConfig, ...]
    dags_folder: Path
    #: Image name -> digest, where images are promoted and not built.
    promoted: Mapping[str, str] | None = None

    def tree(self, digests: Mapping[str, str]) -> PublishedTree:
        """The tree to publish once these digests are known (image name -> digest)."""
        return published_tree(self.dags, self.catalog.with_digests(digests), self.dags_folder)


def load(settings: Settings, root: Path = Path()) -> Sources:
    """Reads ``images/`` and ``dags/`` below ``root`` and stages the images' build contexts.

    Raises InputError with every problem. What would be too large to publish is refused here already.
    """
    found, checked = load_good(settings, root)
    promoted, problems = _promoted(settings, found.images, root)
    if checked.problems or problems:
        raise InputError([*checked.problems, *problems])
    sources = replace(found, promoted=promoted)
    pack(sources.tree({}))
    return sources


def load_good(settings: Settings, root: Path = Path()) -> tuple[Sources, CheckedDags]:
    """As ``load``, with those DAGs that are right, and what is wrong with the others.

    Raises InputError, with the problems of DAG configs too, where an image is wrong: then no reference is known.
    """
    try:
        images = in_use(read_images(settings, root))
    except InputError as error:
        declared = Catalog(_declared(root), platform(settings))
        told: tuple[Problem, ...] = check_dags(root / DAGS, declared, provision(settings)).problems
        raise InputError([*error.problems, *told]) from None
    catalog = catalog_of(images, platform(settings))
    checked = check_dags(root / DAGS, catalog, provision(settings))
    return Sources(images, catalog, checked.dags, root / DAGS), checked


def _promoted(
    settings: Settings, images: tuple[Image, ...], root: Path
) -> tuple[Mapping[str, str] | None, tuple[Problem, ...]]:
    if not settings.images.promotion:
        return None, ()
    path = Path(settings.images.promotion)
    try:
        return promotion.digests(promotion.read(root, path), path, images), ()
    except InputError as error:
        return None, error.problems


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


def provision(settings: Settings) -> Provision:
    """What DAG configs may ask of the stack."""
    existing = settings.tasks.existing
    quotas = {
        settings.name: settings.namespaces.core_quota,
        settings.tasks_namespace: settings.namespaces.tasks_quota,
    }
    return Provision(
        connections=tuple(sorted(settings.airflow.connections)),
        variables=tuple(sorted(settings.airflow.variables)),
        secrets=existing.secrets,
        config_maps=existing.config_maps,
        claims=existing.claims,
        task_accounts=(names.TASK_ACCOUNT, *existing.service_accounts),
        worker_accounts=(names.WORKER_ACCOUNT, *existing.service_accounts),
        priority_classes=existing.priority_classes,
        runtime_classes=existing.runtime_classes,
        quotas={
            namespace: {
                f"{part}.{resource}": amount
                for part in ("requests", "limits")
                for resource, amount in getattr(quota, part).model_dump().items()
            }
            for namespace, quota in quotas.items()
        },
    )
