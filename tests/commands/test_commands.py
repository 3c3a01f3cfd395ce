from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
import typer
from typer.testing import CliRunner, Result

from commands.__main__ import GROUPS, app
from commands.failure import told
from local.waiting import GaveUp
from pipelines.errors import InputError, Problem
from registry.errors import RegistryError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
COMMANDS = (
    ("images", "list"),
    *(("dags", verb) for verb in ("new", "build", "list", "check")),
    *(("local", verb) for verb in ("up", "down", "purge", "status", "smoke")),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(command: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*command, "--help"])
    assert shown.exit_code == 0
    explanation = shown.output.partition("Options")[0]
    assert len(explanation.split()) > 10


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_is_found_and_explains_itself(group: str) -> None:
    shown = CliRunner().invoke(app, [group, "--help"])
    assert shown.exit_code == 0
    assert f"Usage: root {group} " in shown.output
    assert "completion" not in shown.output


def verbs() -> Iterator[tuple[str, ...]]:
    for group in GROUPS:
        command = typer.main.get_command(app).get_command(None, group)  # type: ignore[attr-defined]
        yield from ((group, verb) for verb in command.list_commands(None)) if hasattr(command, "list_commands") else ()


@pytest.mark.parametrize("words", [*verbs()], ids=" ".join)
def test_brackets_of_an_explanation_are_shown_and_not_obeyed(words: tuple[str, ...]) -> None:
    group, verb = words
    command = typer.main.get_command(app).get_command(None, group).get_command(None, verb)  # type: ignore[attr-defined]
    said = re.findall(r"\[+[a-z][^\]\n]*\]+", (command.help or "").replace("\\", ""))
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(app, [group, verb, "--help"]).output
    assert [text for text in said if text not in shown] == []


def test_another_python_is_told_which_to_use() -> None:
    command = [sys.executable, "-S", "-m", "commands", "images", "list"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "has no typer: run make venv once, then .venv/bin/python -m commands" in line


def test_the_makefile_knows_every_command_of_the_platform() -> None:
    text = (ROOT / "Makefile").read_text()
    for group, verb in COMMANDS:
        if group == "local":
            assert f"commands local {verb}" in text


def test_make_help_lists_every_target() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("up", "down", "purge", "status", "smoke", "test", "test-fast", "test-faults", "lint", "bench"):
        assert f"  make {target} " in shown


def unreachable() -> None:
    request = httpx2.Request("GET", "https://10.244.0.1:6443/api/v1/namespaces/airflow")
    raise httpx2.ConnectError("connection refused", request=request)


def wrong() -> None:
    raise InputError([Problem("dags/a.yaml", "image", "x", "one of a, b", "correct it")])


def gave_up() -> None:
    raise GaveUp("gave up on Job airflow/x after 600 s: BackoffLimitExceeded")


def refused() -> None:
    raise RegistryError("registry localhost:5000 refuses x: no or wrong credentials")


def full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/state/etcd")


def interrupted() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("fail", "code", "message"),
    [
        (wrong, 1, "dags/a.yaml: image"),
        (gave_up, 1, "gave up on Job airflow/x after 600 s"),
        (refused, 1, "registry localhost:5000 refuses x"),
        (unreachable, 1, "cluster https://10.244.0.1:6443\n    found:    connection refused"),
        (full, 1, "No space left on device: /state/etcd"),
        (interrupted, 130, "the same command goes on from here"),
    ],
)
def test_failures_end_in_one_message(
    fail: Callable[[], None], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as caught, told():
        fail()
    assert caught.value.exit_code == code
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
    assert "Traceback" not in captured.err


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), told():
        _ = 1 / 0


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.chdir(ROOT)
    return lambda *command: CliRunner().invoke(app, command)


def test_images_are_listed_with_their_references(run: Callable[..., Result]) -> None:
    shown = run("images", "list")
    # Whether the platform runs, another one or none: the references follow from the files alone.
    assert shown.exit_code == 0 or "localhost:5000\n    found:" in shown.stderr, shown.stderr
    lines = {line.split()[0]: line for line in shown.stdout.splitlines() if "localhost:5000" in line}
    assert {"bases/task", "cost-of-living", "lakehouse"} <= lines.keys()
    assert "localhost:5000/local/de-airflow-pipeline-lakehouse:" in lines["lakehouse"]


def test_an_unknown_stack_is_one_clear_message() -> None:
    command = [sys.executable, "-m", "commands", "images", "list", "--stack", "nowhere"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert shown.returncode == 1
    assert "Pulumi.nowhere.yaml" in shown.stderr
    assert "Traceback" not in shown.stderr
