"""``dags``: what its verbs write, show and refuse, in a small copy of the repository."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from commands import dag_build, dag_check
from local import dag_parsing
from local.dag_parsing import ParseTimes
from tests.commands.typed import dags as run

MODELINE = "# yaml-language-server: $schema=schema.json"


def edit(file: Path, old: str, new: str) -> None:
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def test_build_writes_and_then_touches_only_what_changes(tree: Path) -> None:
    first = run("build")
    assert first.exit_code == 0, first.stderr
    assert {"build/dags/cost_of_living.py", "build/dags/lakehouse_summary.py"} <= set(first.stdout.split())
    compile((tree / "build/dags/cost_of_living.py").read_text(), "cost_of_living.py", "exec")
    (tree / "build/dags/stale.py").write_text("")
    times = {path: path.stat().st_mtime_ns for path in (tree / "build/dags").rglob("*.*")}
    edit(tree / "dags/cost_of_living.yaml", "retries: 2", "retries: 3")
    again = run("build")
    assert again.stdout.splitlines()[0] == "build/dags/cost_of_living.py"
    assert "1 files written" in again.stdout
    assert "1 removed" in again.stdout
    changed = {path.name for path, time in times.items() if not path.exists() or path.stat().st_mtime_ns != time}
    assert changed == {"cost_of_living.py", "stale.py"}


def test_build_writes_the_good_ones_and_tells_of_the_others(tree: Path) -> None:
    edit(
        tree / "dags/cost_of_living.yaml", "kind: pod\n    entry: tasks:extract", "kind: pood\n    entry: tasks:extract"
    )
    (tree / "dags/by_hand.py").write_text("DAG(\n")
    done = run("build")
    assert done.exit_code == 1
    assert done.stderr.startswith("2 problems, the other DAG was built:\ndags/by_hand.py:1\n")
    assert "dags/cost_of_living.yaml:14:11: tasks.extract.kind\n    found:    'pood'" in done.stderr
    assert "fix:      did you mean 'pod'?" in done.stderr
    assert {path.name for path in (tree / "build/dags").glob("*.py")} == {"lakehouse_summary.py"}


def test_files_that_are_in_the_way_of_a_build_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("theirs")
    folder = tmp_path / "dags"
    folder.mkdir()
    (folder / "a.py").symlink_to(tmp_path / "elsewhere")
    written = dag_build.write(folder, {"a.py": b"ours", "below/b.py": b"b"})
    assert (len(written.changed), written.removed, written.unchanged) == (2, (), 0)
    assert (tmp_path / "elsewhere").read_text() == "theirs"
    assert dag_build.write(folder, {"a.py": b"ours"}).removed == (folder / "below/b.py",)
    assert sorted(path.name for path in folder.rglob("*")) == ["a.py"]


def test_list_shows_each_dag_and_leaves_open_what_was_not_measured(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dag_parsing, "airflow_python", lambda: None)
    done = run("list")
    assert done.exit_code == 0, done.stderr
    rows = {line.split()[0]: line.split() for line in done.stdout.splitlines() if line.split()}
    assert rows["lakehouse_summary"] == ["lakehouse_summary", "1", "lakehouse", "by", "hand", "-"]
    assert "not measured" in done.stdout
    assert "not measured" not in run("list", "--no-parse").stdout


def test_list_and_check_show_what_airflow_measured(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = ParseTimes("3.2.2", {"lakehouse_summary.py": 12.34, "cost_of_living.py": 61_000.0}, {"x.py": "no module"})
    monkeypatch.setattr(dag_parsing, "airflow_python", lambda: Path("python"))
    monkeypatch.setattr(dag_parsing, "measure", lambda *_: times)
    shown = run("list")
    assert shown.exit_code == 1
    assert "x.py: no module" in shown.stderr
    assert "12.3" in shown.stdout
    checked = run("check")
    assert checked.exit_code == 1
    assert "build/dags/x.py\n    found:    no module" in checked.stderr
    assert "Pulumi.dev.yaml: publication.parseSeconds\n    found:    61.0 s for 2 files" in checked.stderr


def test_the_budget_of_parsing_holds(tree: Path) -> None:
    assert dag_check.parse_problems(ParseTimes("3.2.2", {"a.py": 59_999.0}, {}), 60, "Pulumi.dev.yaml") == []


def test_what_does_not_load_is_named_where_a_person_corrects_it(tree: Path) -> None:
    (tree / "dags/by_hand.py").write_text("")
    times = ParseTimes("3.2.2", {}, {"by_hand.py": "no module", "lakehouse_summary.py": "no module"})
    found = dag_check.parse_problems(times, 60, "Pulumi.dev.yaml")
    assert [problem.file for problem in found] == ["dags/by_hand.py", "build/dags/lakehouse_summary.py"]


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="this Python knows the syntax itself")
def test_what_only_the_images_python_can_parse_is_no_mistake(tree: Path) -> None:
    (tree / "dags/by_hand.py").write_text("from airflow.sdk import DAG\n\ntype Name = str\nwith DAG('rent'): ...\n")
    done = run("check", "--no-parse")
    assert done.exit_code == 0, done.stderr


def test_check_says_what_it_has_checked(tree: Path) -> None:
    done = run("check", "--no-parse")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("2 DAGs, 4 tasks: no problem found\n")


@pytest.mark.parametrize("options", [(), ("--image", "lakehouse")], ids=" ".join)
def test_new_builds_and_passes_check_as_it_is(tree: Path, options: tuple[str, ...]) -> None:
    done = run("new", "rent_index", *options)
    assert done.exit_code == 0, done.stderr
    config = (tree / "dags/rent_index.yaml").read_text()
    assert config.startswith(MODELINE)
    assert ("kind: python" in config) is bool(options)
    assert run("check", "--no-parse").stdout.startswith("3 DAGs")
    assert run("build").exit_code == 0
    before = (tree / "dags/rent_index.yaml").read_bytes()
    again = run("new", "rent_index")
    assert again.exit_code == 1
    assert "there already" in again.stderr
    assert (tree / "dags/rent_index.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("Rent-Index",), "did you mean 'rent_index'?"),
        (("../rent",), "did you mean 'rent'?"),
        (("class",), "choose another name"),
        (("rent", "--image", "lakehose"), "did you mean 'lakehouse'?"),
        (("rent", "--image", "x"), "name one of these"),
    ],
)
def test_new_refuses_and_leaves_nothing(tree: Path, words: tuple[str, ...], told: str) -> None:
    before = sorted(tree.rglob("*"))
    done = run("new", *words)
    assert done.exit_code == 1
    assert told in done.stderr
    assert [path for path in sorted(tree.rglob("*")) if "build" not in path.parts] == before


def test_a_python_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, tree: Path) -> None:
    monkeypatch.setenv(dag_parsing.PYTHON_VARIABLE, "/nowhere/python")
    done = run("check")
    assert done.exit_code == 1
    assert "environment: AIRFLOW_PYTHON\n    found:    /nowhere/python" in done.stderr
    monkeypatch.setenv(dag_parsing.PYTHON_VARIABLE, "/bin/false")
    done = run("check")
    assert done.exit_code == 1
    assert "/bin/false\n    found:    no answer" in done.stderr


def test_every_config_begins_with_the_line_that_editors_read(root: Path) -> None:
    configs = [*(root / "dags").glob("*.y*ml")]
    assert configs
    assert [config for config in configs if not config.read_text().startswith(f"{MODELINE}\n")] == []
