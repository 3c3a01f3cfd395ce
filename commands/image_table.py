"""The table of `images list`: what each image is, who uses it, and what it costs to pull."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from infra.sources import Sources
from pipelines.images import Image
from registry.client import Registry
from registry.layer_sizes import AT_ONCE, LayerSizes
from registry.manifest import Manifest
from registry.reference import Reference
from registry.stand_ins import is_on_a_stand_in

COLUMNS = (
    *("type", "profile", "base", "dags", "reference"),
    *("packages", "to pull", "unpacked", "shared", "state"),
)
UNKNOWN = "unknown"
MEGABYTE = 1e6


@dataclass(frozen=True)
class Pushed:
    """What the registry holds of the images, by reference: None where it holds none, no entry where nobody was asked.

    ``unpacked`` is by layer digest, in bytes.
    """

    manifests: Mapping[str, Manifest | None] = field(default_factory=dict)
    on_stand_ins: frozenset[str] = frozenset()
    unpacked: Mapping[str, int | None] = field(default_factory=dict)


def ask(registry: Registry, references: Sequence[str], sizes: LayerSizes) -> Pushed:
    """Ask for all images at once. Raises RegistryError."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        manifests = dict(zip(references, pool.map(registry.manifest, references), strict=True))
        present = [reference for reference in references if manifests[reference]]
        labels = pool.map(registry.labels, present)
        stand_ins = frozenset(one for one, found in zip(present, labels, strict=True) if is_on_a_stand_in(found or {}))
    layers = [
        (Reference.parse(reference).repository, layer.digest)
        for reference, manifest in manifests.items()
        for layer in (manifest.layers if manifest else ())
    ]
    return Pushed(manifests, stand_ins, sizes.unpacked(registry, layers))


def rows(sources: Sources, pushed: Pushed) -> list[tuple[object, ...]]:
    """One for each image, in the order of ``COLUMNS``."""
    return [
        (
            ", ".join(image.dag_types) or image.name,
            image.profile,
            image.base or image.upstream or "nothing",
            ", ".join(_dags(sources, image)) or "-",
            image.reference,
            len(image.packages) + len(image.system_packages),
            *_cost(image, sources.images, pushed),
        )
        for image in sources.images
    ]


def _dags(sources: Sources, image: Image) -> Iterable[str]:
    for config in sources.dags:
        if {config.dag.image_of(name) for name in config.dag.tasks} & {*image.dag_types}:
            yield config.dag_id


def _cost(image: Image, images: Sequence[Image], pushed: Pushed) -> tuple[str, str, str, str]:
    """To pull, unpacked, share of it that others hold too, state."""
    if image.reference not in pushed.manifests:
        return "", "", "", UNKNOWN
    manifest = pushed.manifests[image.reference]
    if manifest is None:
        return "", "", "", "to be built"
    others = {
        layer.digest
        for other in images
        if other is not image and (found := pushed.manifests.get(other.reference))
        for layer in found.layers
    }
    shared = sum(layer.size for layer in manifest.layers if layer.digest in others)
    unpacked = [pushed.unpacked.get(layer.digest) for layer in manifest.layers]
    known = [size for size in unpacked if size is not None]
    state = f"in the registry, {manifest.digest[:19]}"
    return (
        _megabytes(manifest.size),
        _megabytes(sum(known)) if len(known) == len(unpacked) else UNKNOWN,
        f"{shared / manifest.size:.0%}",
        f"{state}, on a stand-in" if image.reference in pushed.on_stand_ins else state,
    )


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:.0f} MB"
