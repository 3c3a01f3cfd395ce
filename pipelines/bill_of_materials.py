"""The bill of materials of an image, as CycloneDX: Python packages, Debian packages, and what it stands on."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from pipelines.images import SOURCE_DATE_EPOCH, Image
from pipelines.installed import Distribution, Installed, SystemPackage

PROPERTY = "de-airflow-pipeline"


@dataclass(frozen=True)
class Origin:
    """``hashes`` are the lock's, any of which the installed file has: name -> sha256 in hexadecimal."""

    image: Image
    digest: str
    hashes: Mapping[str, tuple[str, ...]]
    distribution: str = "debian"


def bill_of_materials(origin: Origin, installed: Installed) -> str:
    """CycloneDX 1.6 as JSON; the same text for the same image, so it holds no time but the one that its files have."""
    image = origin.image
    itself = Component(
        type=ComponentType.CONTAINER,
        name=image.reference.rpartition(":")[0],
        version=origin.digest,
        bom_ref=image.reference,
        purl=PackageURL(
            "oci", None, image.reference.rpartition(":")[0].rpartition("/")[2], origin.digest, _repository(image)
        ),
        properties=_properties({"key": image.key, "upstream": image.upstream, "base": image.base}.items()),
    )
    components = [*_distributions(origin, installed.distributions), *_system(origin, image, installed.system)]
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"{image.reference}@{origin.digest}"),
        metadata=BomMetaData(component=itself, timestamp=datetime.fromtimestamp(SOURCE_DATE_EPOCH, UTC)),
        components=components,
    )
    bom.register_dependency(itself, components)
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _distributions(origin: Origin, found: Iterable[Distribution]) -> Iterator[Component]:
    for name, version, licence in sorted({(one.name, one.version, one.licence) for one in found}):
        url = PackageURL("pypi", None, name, version)
        hashes = [("locked-sha256", value) for value in origin.hashes.get(name, ())]
        yield _component(name, version, licence, url, [*hashes, ("locked", str(bool(hashes)).lower())])


def _system(origin: Origin, image: Image, found: Iterable[SystemPackage]) -> Iterator[Component]:
    pinned = {pin.partition("=")[0] for pin in image.system_packages}
    for one in found:
        url = PackageURL("deb", origin.distribution, one.name, one.version, {"arch": one.architecture})
        declared = [("declared", "true")] if one.name in pinned else []
        yield _component(one.name, one.version, one.licence, url, declared)


def _component(
    name: str, version: str, licence: str, url: PackageURL, properties: Iterable[tuple[str, str | None]]
) -> Component:
    licences = [LicenseFactory().make_from_string(licence)] if licence else []
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        bom_ref=url.to_string(),
        purl=url,
        licenses=licences,
        properties=_properties(properties),
    )


def _properties(values: Iterable[tuple[str, str | None]]) -> list[Property]:
    return [Property(name=f"{PROPERTY}:{name}", value=value) for name, value in values if value]


def _repository(image: Image) -> dict[str, str]:
    return {"repository_url": image.reference.rpartition(":")[0]}
