"""How an image is tried: without a network, a writable root, or anything that a restricted pod lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.image_run import Trial, containerd_command, docker_command
from local.machine import Machine

TRIAL = Trial("letters", ("python", "-c", "import inflect"))
COMMANDS = {"containerd": containerd_command, "docker": docker_command}


def words(engine: str, trial: Trial, tmp_path: Path) -> list[str]:
    return [
        *COMMANDS[engine](Machine.here({"HOME": str(tmp_path)}), "trial.local/letters:1", trial, tmp_path / "hosts")
    ]


@pytest.mark.parametrize("engine", COMMANDS)
def test_a_trial_has_a_read_only_root(engine: str, tmp_path: Path) -> None:
    command = words(engine, TRIAL, tmp_path)
    assert "--read-only" in command
    assert command.index("trial.local/letters:1") > command.index("--read-only")
    assert not {"--tty", "--interactive", "--net-host", "--privileged"} & {*command}


def test_containerd_gives_a_network_only_where_it_is_declared(tmp_path: Path) -> None:
    assert "--net-host" not in words("containerd", TRIAL, tmp_path)
    assert "--net-host" in words("containerd", Trial("letters", ("true",), network=True), tmp_path)


def test_docker_gives_a_network_only_where_it_is_declared(tmp_path: Path) -> None:
    assert "--network=none" in words("docker", TRIAL, tmp_path)
    assert "--network=none" not in words("docker", Trial("letters", ("true",), network=True), tmp_path)
    assert {"--cap-drop=ALL", "--security-opt=no-new-privileges", "--pull=never"} <= {*words("docker", TRIAL, tmp_path)}


def test_docker_runs_the_command_in_place_of_the_entry_point(tmp_path: Path) -> None:
    command = words("docker", TRIAL, tmp_path)
    assert "--entrypoint=python" in command
    assert command[-2:] == ["-c", "import inflect"]


@pytest.mark.parametrize("engine", COMMANDS)
def test_a_shell_has_a_terminal_and_a_writable_root(engine: str, tmp_path: Path) -> None:
    command = words(engine, Trial("letters", ("bash",), network=True, interactive=True), tmp_path)
    assert "--tty" in command
    assert "--read-only" not in command
