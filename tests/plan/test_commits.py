"""Two commits, each planned by its own program: this repository's own, in a clone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.settings_source import CHART_PATH_VARIABLE
from pipelines.errors import InputError
from plan import commits
from plan.chart import VARIABLE, AtHand
from plan.explanation import Broken, explain
from plan.model import FILE, Plan
from plan.programs import Programs, Said
from tests.plan import changes, repository

ROOT = Path(__file__).parents[2]
REPLACED = ("images/", "dags/", "Pulumi.", "local/toolchain/")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This checkout's tracked files as one commit; a small repository's images and DAGs in place of its own."""
    folder = tmp_path_factory.mktemp("clone")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in tracked.split("\0"):
        if name and (ROOT / name).is_file() and not name.startswith(REPLACED):
            repository.write(folder, {name: (ROOT / name).read_bytes()})
    repository.write(folder, repository.small())
    repository.write(folder, {".gitignore": "build/\n"})
    changes.git(folder, "init", "--quiet", "--initial-branch=base")
    changes.commit(folder, "base")
    return folder


@pytest.fixture
def planned(clone: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Plan | Broken | None]:
    monkeypatch.chdir(clone)
    return lambda name: commits.plan_of(commits.commit_of(name), "dev")


@pytest.mark.slow
def test_each_commit_is_planned_by_its_own_program_once(
    clone: Path, planned: Callable[[str], Plan | Broken | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = planned("base")
    assert isinstance(base, Plan)
    (clone / "infra" / "program.py").write_text("raise RuntimeError('no program: ::error::')\n")
    (clone / "images" / "etl" / "tool.txt").write_text("another\n")
    changes.git(clone, "checkout", "--quiet", "-b", "broken")
    changes.commit(clone, "broken")
    broken = planned("broken")
    assert isinstance(broken, Broken)
    assert "infra/program.py" in broken.message
    assert "RuntimeError: no program" in broken.message
    assert str(clone) not in broken.message
    summary = str(explain("dev", base, broken).summary)
    assert "The base's plan stands as it was" in summary
    assert "has no plan to compare with" in str(explain("dev", broken, base).summary)
    monkeypatch.setattr(Programs, "begin", lambda *_: pytest.fail("planned again"))
    assert planned("base") == base
    assert (
        subprocess.run(["git", "worktree", "list"], capture_output=True, check=True, text=True).stdout.count("\n") == 1
    )


@pytest.mark.slow
def test_the_command_tells_where_a_dag_is_wrong(clone: Path) -> None:
    changes.git(clone, "checkout", "--quiet", "-B", "wrong", "base")
    (clone / "dags" / "load.yaml").write_text("dag_id: load\n")
    done = subprocess.run(
        [sys.executable, "-m", "commands", "plan", "diff", "base", "--to", "change"],
        cwd=clone, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "This change breaks the program." in done.stdout
    assert "dags/load.yaml" in done.stdout
    assert "dags/load.yaml" in (clone / "change" / "dev" / "comment.md").read_text()
    assert '"broken"' in (clone / "change" / "dev" / "head.json").read_text()


def test_a_commit_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for name in ("nowhere", "--output=/tmp/x", ""):
        with pytest.raises(InputError, match="a commit that this clone holds"):
            commits.commit_of(name)


@pytest.mark.slow
def test_a_plan_is_kept_by_what_the_chart_holds_and_read_with_care(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clone)
    folders: list[Path] = []

    def begin(_: Programs, python: str, root: Path, arguments: tuple[str, ...]) -> None:
        folders.append(Path(arguments[-1]))
        repository.write(folders[-1], {FILE: "{}"})

    monkeypatch.setattr(Programs, "begin", begin)
    monkeypatch.setattr(Programs, "said", lambda *_: Said(0, ""))
    repository.write(tmp_path, {"chart/Chart.yaml": "version: 1\n"})
    chart, base = AtHand(tmp_path / "chart", Path("helm")), commits.commit_of("base")
    for _ in range(2):
        # Kept or not, it is of a version that this one does not read.
        assert isinstance(commits.plan_of(base, "dev", chart), Broken)
    repository.write(tmp_path, {"chart/Chart.yaml": "version: 2\n"})
    commits.plan_of(base, "dev", chart)
    assert len({folder.name for folder in folders}) == len(folders) == 2


def test_the_chart_is_named_as_the_settings_name_it() -> None:
    assert VARIABLE == CHART_PATH_VARIABLE
