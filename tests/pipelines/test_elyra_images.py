"""Runtime images for Elyra: what they say, by Elyra's own schema."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from pipelines.elyra_images import READY, runtime_images
from pipelines.images import Image
from tests.elyra_environment import runtime_image_schema


def image(name: str, profile: str = "task", base: str | None = None, types: tuple[str, ...] = ()) -> Image:
    reference = f"registry.example/team/images-{name.replace('/', '-')}:1.0.0-0123456789ab"
    return Image(
        name, "1.0.0", profile, base, None, ("linux/amd64",), {}, "0" * 64, reference, Path(name), dag_types=types
    )  # type: ignore[arg-type]


IMAGES = (
    image("bases/task", "base"),
    image("bases/elyra", "base", "bases/task"),
    image("salesforce", base="bases/task", types=("salesforce", "accounts")),
    image("notebooks", base="bases/elyra", types=("notebooks",)),
    image("lakehouse", "worker", types=("lakehouse",)),
)


def test_every_type_that_runs_as_a_pod_of_its_own_is_offered() -> None:
    found = runtime_images(IMAGES, "registry")
    assert sorted(found) == ["accounts.json", "notebooks.json", "salesforce.json"]
    assert found["salesforce.json"]["metadata"]["image_name"] == IMAGES[2].reference
    assert found["salesforce.json"]["metadata"]["pull_secret"] == "registry"


def test_those_that_run_a_notebook_without_a_download_say_so() -> None:
    found = runtime_images(IMAGES, "registry")
    assert [name for name, one in found.items() if READY in one["metadata"]["tags"]] == ["notebooks.json"]
    on_conda = (image("bases/elyra-conda", "base"), replace(IMAGES[3], base="bases/elyra-conda"))
    assert READY in runtime_images(on_conda, "")["notebooks.json"]["metadata"]["tags"]


def test_no_pull_secret_is_named_where_the_registry_asks_for_none() -> None:
    assert all("pull_secret" not in one["metadata"] for one in runtime_images(IMAGES, "").values())


@pytest.mark.slow
def test_elyras_own_schema_takes_them() -> None:
    schema = runtime_image_schema()
    for one in (*runtime_images(IMAGES, "registry").values(), *runtime_images(IMAGES, "").values()):
        jsonschema.Draft7Validator(schema).validate(one)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(schema).validate(
            {"display_name": "x", "schema_name": "runtime-image", "metadata": {}}
        )
