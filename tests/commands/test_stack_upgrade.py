"""``stacks upgrade``, ``rollback`` and ``rotate-fernet``: cluster and deployments are played."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from commands import stack_deploys, stack_fernet, stack_rollback, stack_upgrade
from commands.stack_fernet import remaining
from commands.stack_file_edits import edited
from commands.stack_files import settings_of
from commands.stacks import app
from local.waiting import GaveUp
from pipelines import releases
from pipelines.upgrades import Running

OLD, NEW, NEXT = "509b94a1042d", "1d6611b6ab7c", "d2f4e1b3c5a7"
DUMPS = (
    f"backups/20260203T040506Z-{OLD}.dump",
    f"backups/20260204T040506Z-{OLD}.dump",
    f"backups/20260205T040506Z-{NEW}.dump",
)


class Played:
    """Notes what is done; ``holds`` is the database's revision."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.holds: str | None = NEW
        self.deploys: Callable[[], None] = lambda: None

    def revision(self) -> str | None:
        return self.holds

    def make(self) -> str:
        self.did.append("dump")
        return "wrote"

    def keys(self) -> str:
        return "\n".join(DUMPS)

    def restore(self, key: str, *, start: bool) -> str:
        self.did.append(f"restore {key}{'' if start else ', stopped'}")
        return "restored"

    def start(self) -> None:
        self.did.append("start")

    def deploy(self, stack: str, settings: Any, folder: Path = Path(), python: str = "") -> None:
        self.did.append(f"deploy {stack} {settings.airflow.fernet_keys} {'here' if folder == Path() else 'elsewhere'}")
        self.deploys()


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    found = Played()
    for module in (stack_upgrade, stack_rollback):
        monkeypatch.setattr(module, "Backups", lambda *_: found)
        monkeypatch.setattr(module, "cluster_of", lambda *_: None)
    for module in (stack_upgrade, stack_fernet):
        monkeypatch.setattr(module, "deploy", found.deploy)
    monkeypatch.setattr(stack_rollback, "commit_of", lambda name: "f" * 40)
    monkeypatch.setattr(stack_rollback, "airflow_of", lambda commit, stack: "3.1.8")
    monkeypatch.setattr(stack_rollback, "_deploy", lambda stack, settings, _: found.deploy(stack, settings, Path("x")))
    return found


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def runs(monkeypatch: pytest.MonkeyPatch, now: Running) -> None:
    monkeypatch.setattr(stack_upgrade, "running", lambda *_: now)


def test_the_plan_says_what_moves_and_does_nothing(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    runs(monkeypatch, Running("3.1.8", "3.13", "1.20.0", OLD, {}))
    done = run("upgrade", "dev", "--plan")
    assert done.exit_code == 0, done.output
    assert f"the database's schema moves: the way back is stacks rollback --restore (revision {OLD})" in done.output
    assert "restart: api-server, dag-processor, scheduler, triggerer" in done.output
    assert "2. dump the database" in done.output
    assert "3. airflow db migrate" in done.output
    assert played.did == []


@pytest.mark.parametrize("backup", [True, False])
def test_a_schema_that_moves_without_a_dump_is_said(
    backup: bool, played: Played, monkeypatch: pytest.MonkeyPatch, stack_file: Path
) -> None:
    host = {"kind": "external", "host": "db.example.org", "password": {"secure": "v1:x"}, "backup": {"enabled": backup}}
    document = yaml.safe_load(stack_file.read_text())
    document["config"]["de-airflow-pipeline:database"] = host
    stack_file.write_text(yaml.safe_dump(document))
    runs(monkeypatch, Running("3.1.8", "3.13", "1.20.0", OLD, {}))
    done = run("upgrade", "qa", "--plan")
    assert done.exit_code == 0, done.output
    assert ("python -m commands stacks backup qa" in done.output) != backup
    assert ("dump the database" in done.output) == backup


def test_an_upgrade_deploys_this_checkout_after_a_yes(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    runs(monkeypatch, Running("3.1.8", "3.13", "1.20.0", OLD, {}))
    assert "give --yes" in run("upgrade", "dev").stderr
    assert played.did == []
    assert run("upgrade", "dev", "--yes").exit_code == 0
    assert played.did == ["deploy dev (1,) here"]


def test_where_no_version_changes_the_rest_is_make_up_s_on_this_machine(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = stack_upgrade.wanted_of(settings_of("dev")).images
    served = {type_: image.reference for image in images for type_ in image.dag_types}
    runs(monkeypatch, Running(releases.AIRFLOW, releases.PYTHON, releases.CHART, NEW, served))
    done = run("upgrade", "dev", "--plan")
    assert done.output.splitlines()[-1] == "nothing of all this changes; make up applies the rest"


def test_a_newer_database_is_refused_before_anything(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    runs(monkeypatch, Running("3.3.2", "3.13", "1.22.0", NEXT, {}))
    done = run("upgrade", "dev", "--yes")
    assert done.exit_code == 1
    assert f"found:    revision {NEXT}, of Airflow 3.3.0 or newer" in done.stderr
    assert f"expected: revision {NEW}, of Airflow {releases.AIRFLOW}" in done.stderr
    assert played.did == []


def test_a_roll_back_refuses_where_the_schema_is_ahead_and_tells_the_way_out(played: Played) -> None:
    done = run("rollback", "dev", "v1", "--yes")
    assert done.exit_code == 1
    assert "stacks rollback dev v1 --restore newest puts the last dump of revision 509b94a1042d back" in done.stderr
    assert "nothing was changed" in done.stderr
    assert played.did == []


def test_told_to_it_restores_with_airflow_left_stopped_and_then_deploys(played: Played) -> None:
    done = run("rollback", "dev", "v1", "--restore", "newest", "--yes")
    assert done.exit_code == 0, done.output
    assert played.did == ["dump", f"restore {DUMPS[1]}, stopped", "deploy dev (1,) elsewhere", "start"]


def test_a_dump_may_be_named(played: Played) -> None:
    assert run("rollback", "dev", "v1", "--restore", DUMPS[0], "--yes").exit_code == 0
    assert played.did[1] == f"restore {DUMPS[0]}, stopped"


@pytest.mark.parametrize("key", [DUMPS[2], "backups/none.dump"])
def test_a_dump_of_another_schema_is_refused(played: Played, key: str) -> None:
    done = run("rollback", "dev", "v1", "--restore", key, "--yes")
    assert done.exit_code == 1
    assert f"expected: a dump of revision {OLD}, of Airflow 3.1.8" in done.stderr
    assert played.did == []


def test_nothing_is_restored_where_the_database_fits(played: Played) -> None:
    """So the same command goes on after one that was broken off between restore and deployment: Airflow is stopped."""
    played.holds = OLD
    assert run("rollback", "dev", "v1", "--restore", "newest", "--yes").exit_code == 0
    assert played.did == ["deploy dev (1,) elsewhere", "start"]


def test_nothing_is_rolled_back_unasked(played: Played) -> None:
    assert "give --yes" in run("rollback", "dev", "v1", "--restore", "newest").stderr
    assert played.did == []


@pytest.fixture
def stack_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "Pulumi.qa.yaml"
    path.write_text(
        "config:\n  # where it is\n  de-airflow-pipeline:kubernetes: {context: qa}\n"
        "  de-airflow-pipeline:registry:\n    server: ghcr.io\n    owner: acme\n"
    )
    monkeypatch.chdir(tmp_path)
    return path


def test_a_rotation_deploys_both_keys_and_then_the_new_one(played: Played, stack_file: Path) -> None:
    done = run("rotate-fernet", "qa", "--yes")
    assert done.exit_code == 0, done.output
    assert played.did == ["deploy qa (2, 1) here", "deploy qa (2,) here"]
    assert settings_of("qa").airflow.fernet_keys == (2,)
    assert "# where it is" in stack_file.read_text()
    assert run("rotate-fernet", "qa", "--yes").exit_code == 0
    assert played.did[2:] == ["deploy qa (3, 2) here", "deploy qa (3,) here"]


def test_a_rotation_that_broke_off_goes_on(played: Played, stack_file: Path) -> None:
    def fail() -> None:
        raise GaveUp("the release failed")

    played.deploys = fail
    assert run("rotate-fernet", "qa", "--yes").exit_code == 1
    played.deploys = lambda: None
    assert run("rotate-fernet", "qa", "--yes").exit_code == 0
    assert played.did == ["deploy qa (2, 1) here", "deploy qa (2, 1) here", "deploy qa (2,) here"]


@pytest.mark.parametrize(
    ("then", "now", "deployed"),
    [
        ((1,), (1,), (1,)),
        ((1,), (2,), (1, 2)),
        ((1,), (3,), (1, 3, 2)),
        ((2,), (4, 3), (2, 4, 3)),
        ((3, 2), (3,), (3, 2)),
    ],
)
def test_a_roll_back_leaves_out_no_key_that_was_drawn_since(
    then: tuple[int, ...],
    now: tuple[int, ...],
    deployed: tuple[int, ...],
    stack_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One that is left out goes: protection refuses that, and the last dump is encrypted with it."""
    text = stack_file.read_text()
    if then != (1,):
        stack_file.write_text(edited(text, stack_file.name, stack_fernet.PLACE, list(then)))
    for command in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "then")):
        who = ("-c", "user.name=test", "-c", "user.email=test@example.org")
        subprocess.run(["git", *who, *command], check=True)
    stack_file.write_text(edited(text, stack_file.name, stack_fernet.PLACE, list(now)))
    seen: list[tuple[int, ...]] = []

    def deploy(stack: str, settings: Any, folder: Path, python: str) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            seen.append(settings_of(stack).airflow.fernet_keys)

    monkeypatch.setattr(stack_rollback, "deploy", deploy)
    stack_rollback._deploy("qa", settings_of("qa"), "HEAD")
    assert seen == [deployed]
    assert settings_of("qa").airflow.fernet_keys == now
    told = f"airflow.fernetKeys: {list(deployed)}"
    assert (told in capsys.readouterr().out) == (deployed != then)


def test_no_number_is_used_twice() -> None:
    assert remaining((2,)) == [(3, 2), (3,)]
    assert remaining((5, 2)) == [(5, 2), (5,)]


def test_a_rotation_after_a_roll_back_leaves_no_key_out() -> None:
    assert remaining(stack_fernet.kept((1,), (3,))) == [(4, 1, 3, 2), (4,)]


def test_a_key_of_a_stack_file_comes_and_goes_and_leaves_no_trace() -> None:
    text = "config:\n  # why\n  de-airflow-pipeline:name: qa\n"
    with_key = edited(text, "Pulumi.qa.yaml", ("airflow", "fernetKeys"), [2, 1])
    assert "de-airflow-pipeline:airflow:\n    fernetKeys:\n      - 2\n      - 1\n" in with_key
    assert edited(with_key, "Pulumi.qa.yaml", ("airflow", "fernetKeys"), None) == text
    assert edited(text, "Pulumi.qa.yaml", ("airflow", "fernetKeys"), None) == text


def test_this_machine_s_stack_is_brought_up_and_others_by_the_cli(
    monkeypatch: pytest.MonkeyPatch, stack_file: Path, tmp_path: Path
) -> None:
    fake = tmp_path / "pulumi"
    fake.write_text(f'#!/bin/sh\necho "$*" > {tmp_path}/called\nexit $(cat {tmp_path}/status)\n')
    fake.chmod(0o755)
    (tmp_path / "status").write_text("0")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    stack_deploys.deploy("qa", settings_of("qa"))
    assert (tmp_path / "called").read_text() == "up --stack qa --yes\n"
    (tmp_path / "status").write_text("3")
    with pytest.raises(GaveUp, match="pulumi up --stack qa --yes failed"):
        stack_deploys.deploy("qa", settings_of("qa"))
