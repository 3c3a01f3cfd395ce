"""Pins that cannot be locked, and what is told of them: the resolver is the real one, the wheels are of the test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from commands.__main__ import app
from pipelines.errors import InputError
from pipelines.images import IMAGES, load_images
from tests.images.wheels import wheel
from tests.pipelines.trees import AIRFLOW, REPOSITORY

GOLDEN = Path(__file__).parent / "golden" / "images"
TABLE = """[project]
name = "{name}"
version = "1"
requires-python = "==3.13.*"
dependencies = {pins}
[tool.dag-image]
profile = "task"
upstream = "python:3.13-slim-trixie"
"""


@dataclass(frozen=True)
class Pins:
    """Pins of a type, and the wheels that there are: (name, version, tag, what it requires)."""

    pins: list[str]
    wheels: tuple[tuple[str, str, str, tuple[str, ...]], ...]


ANY = "py3-none-any"
MAJORS = (("pandas", "2.3.3", ANY, ()), ("pandas", "3.0.3", ANY, ()))
REFUSED: Mapping[str, Pins] = {
    "package-without-a-wheel-for-the-platform": Pins(
        ["lamps==1.0"], (("lamps", "1.0", "cp313-cp313-macosx_11_0_arm64", ()),)
    ),
    "package-without-a-wheel-for-the-python": Pins(
        ["lamps==1.0"], (("lamps", "1.0", "cp312-cp312-manylinux_2_28_x86_64", ()),)
    ),
    "two-majors-in-one-image": Pins(
        ["reports==1.0", "forecasts==1.0"],
        (*MAJORS, ("reports", "1.0", ANY, ("pandas<3",)), ("forecasts", "1.0", ANY, ("pandas>=3",))),
    ),
}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "uv.toml").write_text('no-index = true\nfind-links = ["wheels"]\n')
    return tmp_path


def image(tree: Path, name: str, pins: list[str]) -> Path:
    folder = tree / IMAGES / name
    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text("ARG BASE_IMAGE=python:3.13-slim-trixie\nFROM ${BASE_IMAGE}\n")
    (folder / "pyproject.toml").write_text(TABLE.format(name=name, pins=pins))
    return folder


def publish(tree: Path, pins: Pins) -> None:
    for name, version, tag, requires in pins.wheels:
        wheel(tree / "wheels", name, version, *requires, tag=tag)


@pytest.mark.parametrize("name", REFUSED)
def test_one_message_and_no_lock(name: str, tree: Path) -> None:
    publish(tree, REFUSED[name])
    folder = image(tree, "rents", REFUSED[name].pins)
    done = CliRunner().invoke(app, ["images", "lock", "rents"])
    assert done.stderr == (GOLDEN / f"{name}.txt").read_text()
    assert isinstance(done.exception, SystemExit)
    assert done.exit_code == 1
    assert sorted(path.name for path in folder.iterdir()) == ["Dockerfile", "pyproject.toml"]


def test_what_one_image_cannot_hold_two_images_do(tree: Path) -> None:
    publish(tree, REFUSED["two-majors-in-one-image"])
    for name, pin in (("reports", "reports==1.0"), ("forecasts", "forecasts==1.0")):
        image(tree, name, [pin])
    with pytest.raises(InputError, match="no such file"):
        load_images(tree / IMAGES, REPOSITORY, AIRFLOW)
    done = CliRunner().invoke(app, ["images", "lock"])
    assert done.exit_code == 0, done.output
    images = {one.name: one for one in load_images(tree / IMAGES, REPOSITORY, AIRFLOW)}
    assert images["reports"].packages == {"reports": "1.0", "pandas": "2.3.3"}
    assert images["forecasts"].packages == {"forecasts": "1.0", "pandas": "3.0.3"}
    assert images["reports"].reference != images["forecasts"].reference


def test_every_golden_message_has_its_test() -> None:
    text = Path(__file__).read_text() + Path(__file__).with_name("test_builds.py").read_text()
    for path in GOLDEN.glob("*.txt"):
        assert f'"{path.stem}' in text, path
