"""The two documents that lie beside a build: valid, complete, and the same for the same image."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from pipelines.bill_of_materials import Origin, bill_of_materials
from pipelines.images import Image
from pipelines.installed import Distribution, Installed, SystemPackage
from pipelines.provenance import Revision, Run, statement
from tests.pipelines.trees import FIXTURE, images_of

DIGEST = f"sha256:{'d' * 64}"
INSTALLED = Installed(
    (
        Distribution("inflect", "7.5.0", "lib", "MIT"),
        Distribution("pip", "25.0", "lib", "Something, of 3 words & signs"),
        Distribution("typeguard", "4.4.4", "lib", ""),
    ),
    (SystemPackage("jq", "1.7.1-6", "amd64", "Expat"), SystemPackage("libc6", "2.41-12+deb13u1", "amd64", "")),
)


@pytest.fixture(scope="module")
def letters() -> Image:
    return replace(images_of(FIXTURE)["letters"], system_packages=("jq=1.7.1-6",))


@pytest.fixture(scope="module")
def bill(letters: Image) -> str:
    return bill_of_materials(Origin(letters, DIGEST, {"inflect": ("a" * 64, "b" * 64)}), INSTALLED)


def test_the_bill_is_cyclonedx(bill: str) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None


def test_the_bill_names_every_package_and_the_image(letters: Image, bill: str) -> None:
    document = json.loads(bill)
    assert {component["purl"] for component in document["components"]} == {
        "pkg:pypi/inflect@7.5.0",
        "pkg:pypi/pip@25.0",
        "pkg:pypi/typeguard@4.4.4",
        "pkg:deb/debian/jq@1.7.1-6?arch=amd64",
        "pkg:deb/debian/libc6@2.41-12%2Bdeb13u1?arch=amd64",
    }
    itself = document["metadata"]["component"]
    assert (itself["type"], itself["version"], itself["bom-ref"]) == ("container", DIGEST, letters.reference)
    [inflect] = [one for one in document["components"] if one["name"] == "inflect"]
    assert {one["value"] for one in inflect["properties"]} == {"a" * 64, "b" * 64, "true"}
    [edges] = [one for one in document["dependencies"] if one["ref"] == letters.reference]
    assert len(edges["dependsOn"]) == 5


def test_the_same_image_has_the_same_bill(letters: Image, bill: str) -> None:
    origin = Origin(letters, DIGEST, {"inflect": ("a" * 64, "b" * 64)})
    turned = Installed(tuple(reversed(INSTALLED.distributions)), tuple(reversed(INSTALLED.system)))
    assert bill_of_materials(origin, turned) == bill
    assert bill_of_materials(replace(origin, digest=f"sha256:{'e' * 64}"), INSTALLED) != bill


def test_the_provenance_says_what_from_what_by_what_and_when(letters: Image) -> None:
    run = Run("urn:x", 0.0, 61.5, Revision("https://example.org/a.git", "c" * 40, clean=True))
    text = statement(letters, DIGEST, {"BASE_IMAGE": "x"}, run, ("x/base:1", f"sha256:{'b' * 64}"), "f" * 64)
    document = json.loads(text)
    assert document["_type"] == "https://in-toto.io/Statement/v1"
    assert document["predicateType"] == "https://slsa.dev/provenance/v1"
    assert document["subject"] == [{"name": letters.reference, "digest": {"sha256": "d" * 64}}]
    definition, details = (document["predicate"][key] for key in ("buildDefinition", "runDetails"))
    assert definition["externalParameters"]["buildArguments"] == {"BASE_IMAGE": "x"}
    assert [one["digest"] for one in definition["resolvedDependencies"]] == [
        {"gitCommit": "c" * 40},
        {"sha256": "b" * 64},
        {"sha256": "f" * 64},
    ]
    assert details["metadata"] == {"startedOn": "1970-01-01T00:00:00Z", "finishedOn": "1970-01-01T00:01:01Z"}


def test_an_upstream_without_a_pin_is_named_without_a_digest(letters: Image) -> None:
    run = Run("urn:x", 0.0, 1.0, None)

    def named(upstream: str) -> list[dict[str, object]]:
        alone = replace(letters, base=None, upstream=upstream)
        document = json.loads(statement(alone, DIGEST, {}, run, None, None))
        return document["predicate"]["buildDefinition"]["resolvedDependencies"]

    assert named("debian:trixie") == [{"uri": "oci:debian:trixie"}]
    assert named(f"debian:trixie@{DIGEST}") == [{"uri": "oci:debian:trixie", "digest": {"sha256": "d" * 64}}]
