"""Steps as a log shows them, waits as they end, and packages as they are counted."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import pytest

from local import packages
from local.progress import Progress
from local.waiting import GaveUp, wait


def test_steps_print_their_begin_and_end_and_are_kept() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    with progress.step("toolchain"):
        progress.say("compiling [etcd]")
        time.sleep(0.02)
    lines = stream.getvalue().splitlines()
    assert lines[:2] == ["toolchain ...", "  compiling [etcd]"]
    assert lines[2].startswith("toolchain: done in 0.")
    (stage,) = progress.stages
    assert (stage.name, stage.succeeded) == ("toolchain", True)
    assert stage.seconds >= 0.02
    assert stage.peak_memory > 0


def test_a_failed_step_says_so_and_lets_the_error_pass() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    with pytest.raises(ValueError, match="why"), progress.step("outer"), progress.step("inner"):
        raise ValueError("why")
    assert [(stage.name, stage.succeeded) for stage in progress.stages] == [("inner", False), ("outer", False)]
    assert "inner: FAILED" in stream.getvalue()


def test_a_terminal_shows_brackets_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    stream = io.StringIO()
    progress = Progress(stream)
    with progress.step("images"):
        progress.doing("x: [stage-0 2/4] RUN test [/a]")
    assert "[stage-0 2/4] RUN test [/a]" in stream.getvalue()


def test_waiting_ends_when_nothing_is_missing() -> None:
    answers = iter(["a", "b", None])
    wait("something", lambda: next(answers), 5)
    assert list(answers) == []


def test_waiting_gives_up_with_the_reason() -> None:
    with pytest.raises(GaveUp) as given_up:
        wait("the node", lambda: "no kubelet", 0, lambda: "last words")
    assert str(given_up.value) == "gave up on the node after 0 s: no kubelet\nlast words"


SIMULATED = """Inst libnew (1.0 Debian:12 [amd64])
Inst libold [1.0] (1.1 Debian:12 [amd64])
Inst runc (1.1.5 Debian:12 [amd64])
Conf runc (1.1.5 Debian:12 [amd64])
"""


class Debian:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, missing: list[tuple[str, ...]], removed: str = "") -> None:
        self.calls: list[tuple[str, ...]] = []
        self.removed = removed
        monkeypatch.setattr(packages, "_apt", self.apt)
        monkeypatch.setattr(packages, "missing", lambda: missing.pop(0))

    def apt(self, *arguments: str) -> str:
        self.calls.append(arguments)
        if "--simulate" in arguments:
            return self.removed if arguments[0] == "purge" else SIMULATED
        return ""


def test_only_new_packages_are_ours_and_known_before_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    debian = Debian(monkeypatch, [("runc",), ()])
    record = tmp_path / "packages.json"
    record.write_text('["earlier"]')
    packages.ensure(record, Progress(io.StringIO()))
    assert json.loads(record.read_text()) == ["earlier", "libnew", "runc"]
    assert debian.calls[-1] == ("install", "--yes", "--no-install-recommends", "runc")


def test_programs_are_looked_for_on_path_and_files_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates = tmp_path / "ca-certificates.crt"
    monkeypatch.setattr(packages, "NEEDED", {str(certificates): "ca-certificates", "sh": "dash", "no-such": "none"})
    assert packages.missing() == ("ca-certificates", "none")
    certificates.touch(0o644)
    assert packages.missing() == ("none",)


def test_nothing_missing_asks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    debian = Debian(monkeypatch, [()])
    packages.ensure(tmp_path / "packages.json", Progress(io.StringIO()))
    assert debian.calls == []


def test_a_package_that_still_lacks_its_program_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Debian(monkeypatch, [("runc",), ("runc",)])
    with pytest.raises(GaveUp, match="runc still lacks its program"):
        packages.ensure(tmp_path / "packages.json", Progress(io.StringIO()))


@pytest.mark.parametrize(("also", "purged"), [("", True), ("Purg docker.io [1.0]\n", False)])
def test_ours_go_unless_something_later_needs_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, also: str, purged: bool
) -> None:
    debian = Debian(monkeypatch, [], f"Purg runc [1.1.5]\n{also}")
    record = tmp_path / "packages.json"
    record.write_text('["runc"]')
    packages.remove(record, Progress(io.StringIO()))
    assert (("purge", "--yes", "runc") in debian.calls) is purged
    assert not record.exists()
