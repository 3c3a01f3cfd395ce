"""Versions are named in pipelines/releases.py: what repeats one says the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from infra.settings import Airflow, Chart
from local.mirror import RECIPES
from pipelines import releases
from pipelines.image_folder import image_folders, read_folder
from pipelines.images import IMAGES

ROOT = Path(__file__).parents[2]
STAND_IN = ROOT / "local/mirror/airflow"


def test_stacks_take_their_defaults_from_there() -> None:
    assert (Airflow().version, Airflow().python, Chart().version) == (
        releases.AIRFLOW,
        releases.PYTHON,
        releases.CHART,
    )
    assert Airflow().image == releases.airflow_image()


def test_no_stack_file_names_another() -> None:
    for path in ROOT.glob("Pulumi.*.yaml"):
        config = yaml.safe_load(path.read_text())["config"]
        for part, keys in (("airflow", {"version", "python", "repository"}), ("chart", {"version"})):
            assert not keys & (config.get(f"de-airflow-pipeline:{part}") or {}).keys(), path.name


def test_every_image_stands_on_one_of_its_bases() -> None:
    found = {
        name: folder.table.upstream
        for name in image_folders(ROOT / IMAGES)
        if (folder := read_folder(ROOT / IMAGES, name, name)[0]) and folder.table.upstream
    }
    assert found == releases.BASES


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("Dockerfile", f"    AIRFLOW_VERSION={releases.AIRFLOW} \\"),
        ("Dockerfile", f"FROM {releases.PYTHON_IMAGE}"),
        ("requirements.in", f"apache-airflow[google-auth,statsd]=={releases.AIRFLOW}"),
        ("requirements.lock", f"apache-airflow=={releases.AIRFLOW} \\"),
    ],
)
def test_the_stand_in_of_airflow_is_of_that_version(file: str, line: str) -> None:
    assert line in (STAND_IN / file).read_text().splitlines()


def test_the_stand_ins_have_the_names_of_the_real_ones() -> None:
    assert {releases.PYTHON_IMAGE, releases.airflow_image()} <= {recipe.reference for recipe in RECIPES}


def test_the_stand_in_chart_plays_the_one_of_that_version() -> None:
    chart = yaml.safe_load((ROOT / "local/chart/airflow-stand-in/Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (releases.CHART, releases.AIRFLOW)


def test_no_module_names_a_version_by_itself() -> None:
    named = re.compile(rf"apache/airflow:[0-9]|=\s*\"{re.escape(releases.AIRFLOW)}\"")
    modules = [path for folder in ("pipelines", "infra", "plan", "commands") for path in (ROOT / folder).rglob("*.py")]
    own = ROOT / "pipelines/releases.py"
    words = {path.name: [line for line in path.read_text().splitlines() if named.search(line)] for path in modules}
    assert [name for name, lines in words.items() if lines and name != own.name] == ["image_inventory.py"]
