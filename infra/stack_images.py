"""The images of a checkout as a stack names them. Apart from ``infra.sources``: who builds images reads no DAG."""

from __future__ import annotations

from pathlib import Path

from infra import promotion
from infra.settings import Settings
from pipelines.images import CONTEXTS, IMAGES, AirflowVersion, Image, Repository, load_images


def read_images(settings: Settings, root: Path = Path(), *, stage: bool = True) -> tuple[Image, ...]:
    """The images below ``root``; unless they are only looked at, with their build contexts staged.

    Raises InputError with every problem of them.
    """
    registry, airflow = settings.registry, settings.airflow
    base_digests = settings.images.base_digests
    if settings.images.promotion:
        # They are part of the keys: of those that were promoted.
        base_digests = promotion.read(root, Path(settings.images.promotion)).base_digests
    return load_images(
        root / IMAGES,
        Repository(registry.server, registry.owner, registry.prefix),
        AirflowVersion(airflow.version, airflow.python),
        root / CONTEXTS if stage else None,
        base_digests,
    )
