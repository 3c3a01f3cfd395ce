"""Every mistake ends in exit code 1 and in one message, its golden file; played in this process, without a platform."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from commands.__main__ import app
from local import platform
from local.machine import PORT_OFFSET, PORTS, Machine
from local.platform import DAEMONS, Component
from local.stack import NAME_VARIABLE
from tests.bad_input.conditions import play
from tests.bad_input.mistakes import MISTAKES, Conditions
from tests.bad_input.trees import Tree, small_copy

GOLDEN = Path(__file__).parent / "golden"
#: Variables by which a user's environment would reach into a test.
OURS = (
    *("APPLY", "CHART", "AIRFLOW_CHART", "KUBECONFIG", "DOCKER_CONFIG"),
    *("XDG_CACHE_HOME", "XDG_STATE_HOME", NAME_VARIABLE, PORT_OFFSET),
)


class Refusing(BaseHTTPRequestHandler):
    """A registry to which every password is wrong."""

    def do_HEAD(self) -> None:
        self.send_response(401)
        self.end_headers()

    do_GET = do_HEAD  # noqa: N815 - the name that the server looks for

    def log_message(self, *_: object) -> None:
        """Nothing: the test's output is the command's."""


@contextmanager
def refusing_registry() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def registry() -> Iterator[int]:
    with refusing_registry() as port:
        yield port


@pytest.fixture
def tree(name: str, tmp_path: Path, registry: int, monkeypatch: pytest.MonkeyPatch) -> Tree:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for variable in OURS:
        monkeypatch.delenv(variable, raising=False)
    if "docker_config" in MISTAKES[name].files:
        # The platform's own registry is then the one that refuses.
        monkeypatch.setenv(PORT_OFFSET, str(registry - PORTS["registry"]))
    return Tree(small_copy(tmp_path / "clone"), Machine.here())


@pytest.mark.parametrize("name", [name for name, mistake in MISTAKES.items() if not mistake.needs_platform])
def test_one_message(name: str, tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mistake = MISTAKES[name]
    mistake.edit(tree)
    for file, content in mistake.files.items():
        tree.put(file, content(tree.machine))
    for variable, value in mistake.environment.items():
        monkeypatch.setenv(variable, value)
    play(mistake.conditions or Conditions(), tmp_path / "bin", monkeypatch)
    if mistake.running:
        running = tuple(Component(daemon, True, 1, "", 0) for daemon in DAEMONS)
        monkeypatch.setattr(platform, "status", lambda machine: running)
    before, kept = tree.content(), sorted((tmp_path / "home").rglob("*"))
    monkeypatch.chdir(tree.folder)
    done = CliRunner().invoke(app, mistake.command)
    assert tree.plain(done.stderr) == (GOLDEN / f"{name}.txt").read_text()
    # An error that no command meets has its traceback here, and the exit code 1 all the same.
    assert isinstance(done.exception, SystemExit)
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    assert (tree.content(), sorted((tmp_path / "home").rglob("*"))) == (before, kept)


def test_every_golden_message_has_its_mistake() -> None:
    told = {path.stem for path in GOLDEN.glob("*.txt") if not path.stem.startswith("pulumi-")}
    assert told == set(MISTAKES)
