"""``dags adopt`` and what ``dags check`` says of hand-written files, in a small copy of the repository."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from commands.dag_adopt import adopt
from tests.adoption.trees import FIXTURES
from tests.commands.typed import dags as run
from tests.conftest import ROOT

CLASSIC = FIXTURES / "airflow110_volumes.py"
OLD = "from airflow.operators.bash_operator import BashOperator\n"


def test_it_shows_and_writes_nothing(tree: Path) -> None:
    before = CLASSIC.read_bytes()
    done = run("adopt", str(CLASSIC), "--image", "cost-of-living")
    assert done.exit_code == 0, done.stderr
    assert '+    k = KubernetesPodOperator(pod_template_file=pod_template("cost-of-living"),' in done.stdout
    assert "left to you" in done.stdout
    assert "nothing written: --write, or --output PATH" in done.stdout
    assert CLASSIC.read_bytes() == before


def test_it_writes_in_place_once_and_keeps_the_mode(tree: Path) -> None:
    file = tree / "dags/old.py"
    file.write_bytes(CLASSIC.read_bytes())
    file.chmod(0o640)
    assert "written to dags/old.py" in run("adopt", "dags/old.py", "--image", "cost-of-living", "--write").stdout
    first = file.stat()
    assert first.st_mode & 0o777 == 0o640
    assert run("adopt", "dags/old.py", "--write").stdout.startswith("nothing to change")
    assert file.stat().st_mtime_ns == first.st_mtime_ns
    assert not [*(tree / "dags").glob(".old.py*")]


def test_it_overwrites_no_other_file(tree: Path) -> None:
    (tree / "dags/theirs.py").write_text("theirs = 1\n")
    done = run("adopt", str(CLASSIC), "--image", "cost-of-living", "--output", "dags/theirs.py")
    assert done.exit_code == 1
    assert "another file" in done.stderr
    assert (tree / "dags/theirs.py").read_text() == "theirs = 1\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nowhere.py",), "no such file"),
        (("dags",), "no such file"),
        ((str(CLASSIC), "--image", "cost-of-livin"), "did you mean 'cost-of-living'?"),
        ((str(CLASSIC), "--image", "python:3=lakehouse"), "one of cost-of-living"),
    ],
)
def test_what_it_refuses(tree: Path, words: tuple[str, ...], message: str) -> None:
    done = run("adopt", *words)
    assert done.exit_code == 1
    assert message in done.stderr


def test_a_file_cannot_write_to_the_terminal(tree: Path) -> None:
    (tree / "bad.py").write_text(f"{OLD}# \x1b[2J\x1b]0;owned\x07\nBashOperator(task_id='a', sla=1)\n")
    assert "\x1b" not in run("adopt", "bad.py").stdout


def test_check_names_each_place(tree: Path) -> None:
    (tree / "dags/old.py").write_text(f"{OLD}\nBashOperator(task_id='x', provide_context=True)\n")
    done = run("check", "--no-parse")
    assert done.exit_code == 1
    assert done.stderr.startswith("2 problems")
    assert "dags/old.py:1:45\n    found:    BashOperator\n" in done.stderr
    assert "dags/old.py:3:27\n    found:    provide_context=True\n" in done.stderr
    run("adopt", "dags/old.py", "--write")
    assert run("check", "--no-parse").exit_code == 0


def test_check_tells_them_beside_the_problems_of_configs(tree: Path) -> None:
    (tree / "dags/old.py").write_text(OLD)
    config = tree / "dags/cost_of_living.yaml"
    config.write_text(config.read_text().replace("image: cost-of-living", "image: nowhere", 1))
    told = run("check", "--no-parse").stderr
    assert "dags/old.py:1:45" in told
    assert "dags/cost_of_living.yaml" in told


def test_a_file_that_is_no_python_is_told_once(tree: Path) -> None:
    (tree / "dags/old.py").write_text("DAG(\n")
    assert run("check", "--no-parse").stderr.startswith("1 problem")


def test_the_help_names_types_that_may_be_typed() -> None:
    named = re.findall(r"--image (\S+)", adopt.__doc__ or "")
    tables = [tomllib.loads((ROOT / "images" / name / "pyproject.toml").read_text()) for name in named]
    assert named
    assert {table["tool"]["dag-image"]["profile"] for table in tables} == {"task"}
