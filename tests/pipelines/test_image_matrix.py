"""What is built, and why."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pipelines.image_matrix import HOW, Changes, matrix, to_json
from pipelines.images import Image
from tests.conftest import ROOT
from tests.pipelines.trees import FIXTURE, images_of


@pytest.fixture(scope="module")
def images() -> list[Image]:
    found = images_of(FIXTURE)
    found["warehouse"] = replace(found["warehouse"], shared=("shared/sql",))
    return [*found.values()]


def reasons(images: list[Image], *paths: str, pins: frozenset[str] = frozenset()) -> dict[str, str]:
    return {one.type: one.reason for one in matrix(images, Changes(paths, pins, "Pulumi.prod.yaml"))}


def test_everything_where_no_commit_is_named(images: list[Image]) -> None:
    assert [one.type for one in matrix(images, None)] == [image.name for image in images]


def test_nothing_where_nothing_of_them_changed(images: list[Image]) -> None:
    assert reasons(images, "dags/letters.yaml", "images/schema.json", "images/lettersand/Dockerfile", "README.md") == {}
    assert json.loads(to_json(matrix(images, Changes(())))) == {"include": []}


def test_a_changed_file(images: list[Image]) -> None:
    assert reasons(images, "images/letters/alphabet.txt", "images/letters/deep/b.txt") == {
        "letters": "changed: alphabet.txt, deep/b.txt"
    }


def test_a_changed_base_reaches_what_stands_on_it_in_order(images: list[Image]) -> None:
    found = reasons(images, "images/bases/slim/Dockerfile")
    assert list(found.items()) == [
        ("bases/slim", "changed: Dockerfile"),
        ("letters", "stands on bases/slim, changed: Dockerfile"),
    ]


def test_a_shared_folder(images: list[Image]) -> None:
    assert reasons(images, "images/shared/sql/a.sql") == {"warehouse": "changed: a.sql"}


def test_another_pinned_digest(images: list[Image]) -> None:
    found = reasons(images, pins=frozenset({"apache/airflow:3.2.2-python3.13"}))
    assert found == {"warehouse": "Pulumi.prod.yaml pins another digest of apache/airflow:3.2.2-python3.13"}


@pytest.mark.parametrize("path", sorted(HOW))
def test_how_images_are_built(images: list[Image], path: str) -> None:
    assert (ROOT / path).is_file()
    assert reasons(images, path).keys() == {image.name for image in images}


def test_the_json_is_one_line_that_a_workflow_can_read(images: list[Image]) -> None:
    text = to_json(matrix(images, None))
    assert "\n" not in text
    [letters] = [one for one in json.loads(text)["include"] if one["type"] == "letters"]
    assert letters.keys() == {"type", "context", "reference", "platforms", "reason"}
    assert (letters["context"], letters["platforms"]) == ("images/letters", "linux/amd64")


def test_many_files_are_counted(images: list[Image]) -> None:
    found = reasons(images, *(f"images/letters/{number}" for number in range(9)))
    assert found["letters"] == "changed: 0, 1, 2 and 6 more"
