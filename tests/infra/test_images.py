from __future__ import annotations

from pathlib import Path

import pulumi
import pytest

from infra.images import Images, ImagesArguments, build_arguments
from pipelines.images import Image
from tests.infra.recording import Recording, record

RAW = (
    "type=image,push=true,oci-mediatypes=true,compression=zstd,compression-level=3,"
    "force-compression=false,rewrite-timestamp=true"
)


def image(name: str, *, base: str | None = None, upstream: str | None = None) -> Image:
    flat = name.replace("/", "-")
    return Image(
        name=name,
        version="1.0.0",
        profile="base" if name.startswith("bases/") else "task",
        base=base,
        upstream=upstream,
        platforms=("linux/amd64",),
        build_arguments={"EXTRA": "1"} if not base else {},
        key="0" * 64,
        reference=f"localhost:5000/local/{flat}:1.0.0-000000000000",
        context=Path("build/contexts") / name,
    )


BASE = image("bases/task", upstream="python:3.13-slim-trixie")
IMAGES = (BASE, image("one", base="bases/task"), image("two", base="bases/task"))


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record(lambda: Images(ImagesArguments(IMAGES, "local"), pulumi.ResourceOptions()))


def test_each_image_is_built_from_its_staged_folder_and_pushed_once(recording: Recording) -> None:
    for expected in IMAGES:
        inputs = recording.one(":Image", expected.name).inputs
        assert inputs["context"] == {"location": f"build/contexts/{expected.name}"}
        assert inputs["dockerfile"] == {"location": f"build/contexts/{expected.name}/Dockerfile"}
        assert inputs["tags"] == [expected.reference, expected.alias]
        assert inputs["exports"] == [{"raw": RAW}]
        assert inputs["push"] is False
        assert inputs["buildOnPreview"] is False
        assert inputs["builder"] == {"name": "local"}
        assert inputs["platforms"] == ["linux/amd64"]


def test_inputs_hold_nothing_of_this_machine_and_no_credentials(recording: Recording) -> None:
    for entry in recording.of(":Image"):
        assert not {"registries", "secrets", "exec", "pull", "cacheTo"} & set(entry.inputs)
        assert str(Path.cwd()) not in str(entry.inputs)


def test_a_base_comes_first_and_reaches_the_build_by_its_reference(recording: Recording) -> None:
    base = recording.one(":Image", "bases/task")
    for name in ("one", "two"):
        entry = recording.one(":Image", name)
        assert entry.order > base.order
        assert any(urn.endswith("::bases/task") for urn in entry.dependencies)
        assert entry.inputs["buildArgs"]["BASE_IMAGE"] == BASE.reference
    assert base.inputs["buildArgs"] == {
        "BASE_IMAGE": "python:3.13-slim-trixie",
        "EXTRA": "1",
        "SOURCE_DATE_EPOCH": "315532800",
    }


def test_removing_an_image_leaves_it_in_the_registry(recording: Recording) -> None:
    assert all(entry.retain_on_delete for entry in recording.of(":Image"))


def test_an_image_on_nothing_gets_no_base_argument() -> None:
    assert set(build_arguments(image("scratch"), {})) == {"EXTRA", "SOURCE_DATE_EPOCH"}


def test_the_digests_are_the_builds_own() -> None:
    seen: dict[str, str] = {}

    def program() -> None:
        built = Images(ImagesArguments(IMAGES, "local"), pulumi.ResourceOptions())
        pulumi.Output.all(**built.digests).apply(seen.update)

    record(program)
    assert set(seen) == {"bases/task", "one", "two"}
    assert all(digest.startswith("sha256:") for digest in seen.values())
    assert len(set(seen.values())) == 3
