"""What is made of the figures of images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import cold_start, fat_image, image_builds, image_sizes, report
from bench.subjects import SUBJECTS
from registry.manifest import Manifest, Part

ROOT = Path(__file__).parents[2]


def manifest(configuration: str, **layers: int) -> Manifest:
    return Manifest("", Part(configuration, 1), tuple(Part(name, size) for name, size in layers.items()))


def test_a_node_pulls_each_layer_once() -> None:
    one, other = manifest("c1", base=100, own=10), manifest("c2", base=100, more=20)
    assert image_sizes.pulled([], [one]) == 111
    assert image_sizes.pulled([], [one, other]) == 132
    assert image_sizes.pulled([one], [other]) == 21
    assert image_sizes.pulled([one], [one]) == 0


def test_one_pin_for_each_system_package() -> None:
    folders = fat_image.folders_of(ROOT / "images")
    texts = [(folder.folder / "Dockerfile").read_text() for folder in folders]
    packages = fat_image.system_packages(folders, texts)
    assert all(packages.values())
    assert {word.partition("=")[0] for word in packages["jdk"]} == {"openjdk-21-jdk-headless"}
    assert {"java.base", "java.se"} <= {*fat_image.java_modules(texts)}
    with pytest.raises(ValueError, match="two pins"):
        fat_image.system_packages(folders, [*texts, 'ARG JDK="openjdk-21-jdk-headless=0"'])


def test_the_recipe_names_files_that_are_there() -> None:
    recipe = fat_image.RECIPE.read_text()
    for name in fat_image.CONTEXTS:
        assert f"from={name}" in recipe
        assert (ROOT / "images" / name).is_dir()
    for path in ("spark/leave-out.py", "spark/left-out.txt", "spark/build-constraints.txt", "ml/slim.py"):
        assert path.partition("/")[2] in recipe
        assert (ROOT / "images" / path).is_file()


def test_ours_count_with_their_staging() -> None:
    side = {"seconds": 10.0, "cpu_seconds": 1.0}
    digests = {image_builds.OURS: "sha256:1", image_builds.PLAIN: "sha256:2"}
    one = {image_builds.OURS: side, image_builds.PLAIN: side, "digests": digests}
    figures = {"staging seconds": 1.0, "images": {"a": one, "b": one}, "load": 1.0}
    assert image_builds.totals(figures) == {image_builds.OURS: 21.0, image_builds.PLAIN: 20.0}
    lines = image_builds.table(figures)
    assert lines[-1].startswith("1.05 x plain")
    assert sum("**differ**" in line for line in lines) == 2


def test_the_medians_of_both_sides() -> None:
    rounds = [{"start": seconds, "imported": seconds + 1} for seconds in (1.0, 2.0, 9.0)]
    assert cold_start.medians({"own": rounds, "fat": rounds[1:]}) == (2.0, 5.5)


def test_the_kept_tables_are_of_the_kept_figures() -> None:
    known = json.loads((report.RESULTS / "results.json").read_text())
    assert known.keys() <= {"machine", *(subject.key for subject in SUBJECTS)}
    assert report.markdown(SUBJECTS, known) == (report.RESULTS / "results.md").read_text()
