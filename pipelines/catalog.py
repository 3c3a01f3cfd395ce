"""From a DAG type to the reference of the image that serves it, and what the tasks' pods share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace

from pipelines.errors import Problem
from pipelines.images import Image


@dataclass(frozen=True)
class CatalogImage:
    """``type`` is a DAG type, ``image`` the name of the image that serves it: one may serve several.

    ``profile`` is empty where the image's folder cannot be read; nothing is generated then.
    """

    type: str
    image: str
    profile: str
    reference: str
    digest: str | None = None

    @property
    def pinned(self) -> str:
        """``reference@digest`` once the digest is known, the reference until then."""
        return f"{self.reference}@{self.digest}" if self.digest else self.reference


@dataclass(frozen=True)
class Platform:
    """Names that generated code repeats. An empty ``pull_secret`` means that the registry asks for none.

    ``pools`` and ``secrets`` are those that DAG configs may name: Airflow's pools, and Secrets of the tasks' namespace.
    """

    namespace: str
    tasks_namespace: str
    pull_secret: str
    service_account: str
    object_store_secret: str
    xcom_sidecar_image: str
    executors: tuple[str, ...]
    pools: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()

    def executor(self, wanted: str) -> str | None:
        """The executor that a task must name, None when the stack has but one."""
        return wanted if len(self.executors) > 1 and wanted in self.executors else None


@dataclass(frozen=True)
class Catalog:
    """``images`` by DAG type."""

    images: Mapping[str, CatalogImage]
    platform: Platform

    def with_digests(self, digests: Mapping[str, str]) -> Catalog:
        """The same catalog, the digests of some images joined to it by their names; those of bases are left aside."""
        joined = {
            type_: replace(image, digest=digests[image.image])
            for type_, image in self.images.items()
            if image.image in digests
        }
        return replace(self, images={**self.images, **joined})

    def to_json(self) -> str:
        """``images.json``, as ``airflow_runtime.catalog`` reads it."""
        images = {type_: asdict(image) for type_, image in self.images.items()}
        return json.dumps({"images": images, "platform": asdict(self.platform)}, indent=2, sort_keys=True) + "\n"


def profile_problems(
    catalog: Catalog, type_: str, profile: str, purpose: str, place: tuple[str, str], fix: str = "name another image"
) -> Iterator[Problem]:
    """A type of the catalog, named at ``place`` (file and key) where one of ``profile`` is of use."""
    image = catalog.images[type_]
    if image.profile and image.profile != profile:
        fitting = [name for name, one in sorted(catalog.images.items()) if one.profile == profile]
        expected = f"a {profile} image for {purpose}: {', '.join(fitting) or 'there is none'}"
        yield Problem(*place, f"{type_!r}, a {image.profile} image", expected, fix)


def catalog_of(images: Iterable[Image], platform: Platform) -> Catalog:
    """The catalog of all DAG types that DAGs may name; a base serves none."""
    served = {
        type_: CatalogImage(type_, image.name, image.profile, image.reference)
        for image in images
        for type_ in image.dag_types
    }
    return Catalog(dict(sorted(served.items())), platform)
