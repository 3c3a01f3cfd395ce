"""Runs a command in an image of a layout as a restricted pod would: its own user, no capabilities, a read-only root.

On the one-machine platform containerd and runc run it, in a containerd namespace of its own that no kubelet sees;
elsewhere a Docker engine does.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from local import containers, files, probes
from local.machine import Machine
from local.oci_layout import Layout, LayoutImage
from local.waiting import GaveUp

NAMESPACE = "de-airflow-pipeline-images"
INSTANCE = "trial-run-"
SECONDS = 300
TEMPORARY_BYTES = 1 << 30
Engine = Literal["containerd", "docker"]


@dataclass(frozen=True)
class Trial:
    """``interactive`` is for people: a terminal, a network, a writable root."""

    name: str
    command: tuple[str, ...]
    network: bool = False
    interactive: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """``output`` holds both streams; empty for a shell."""

    exit_code: int
    output: str


def choose(machine: Machine) -> Engine:
    """Raises GaveUp where there is nothing that runs containers."""
    if probes.socket_answers(containers.address(machine)) is None:
        return "containerd"
    if shutil.which("docker") and not subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        return "docker"
    raise GaveUp("nothing runs containers: neither the platform's containerd (make up) nor a Docker engine")


def run(engine: Engine, machine: Machine, layout: Layout, image: LayoutImage, trial: Trial) -> Outcome:
    """Run to its end. Raises GaveUp when the engine does not take the image, or after five minutes."""
    with _loaded(engine, machine, layout, image, trial) as name, _hosts(machine, engine) as hosts:
        command = [*COMMANDS[engine](machine, name, trial, hosts)]
        if trial.interactive:
            return Outcome(subprocess.run(command, check=False).returncode, "")
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            last = (error.stdout or b"").decode(errors="replace").splitlines()[-20:]
            _stop(engine, machine, command)
            raise GaveUp("\n".join((f"{trial.name}: gave up on {trial.command} after {SECONDS} s", *last))) from None
    return Outcome(done.returncode, done.stdout)


def ctr(machine: Machine, *arguments: str) -> list[str]:
    """A command of containerd's client, in the namespace of trials."""
    return [
        str(machine.tool("ctr")),
        "--address",
        str(containers.address(machine)),
        "--namespace",
        NAMESPACE,
        *arguments,
    ]


def containerd_command(machine: Machine, name: str, trial: Trial, hosts: Path) -> Iterator[str]:
    temporary = f"type=tmpfs,src=tmpfs,dst=/tmp,options=size={TEMPORARY_BYTES}:mode=1777"
    # Its pipes must lie where containerd, which has mounts of its own, sees them.
    yield from ctr(machine, "run", "--rm", "--fifo-dir", str(hosts.parent), "--seccomp", "--hostname", "trial")
    yield from ("--mount", temporary)
    yield from (
        ("--net-host",) if trial.network else ("--mount", f"type=bind,src={hosts},dst=/etc/hosts,options=rbind:ro")
    )
    yield from ("--tty",) if trial.interactive else ("--read-only",)
    for key, value in sorted(trial.environment.items()):
        yield from ("--env", f"{key}={value}")
    yield from (name, _instance(), *trial.command)


def docker_command(machine: Machine, name: str, trial: Trial, hosts: Path) -> Iterator[str]:
    del machine, hosts
    yield from (
        "docker",
        "run",
        "--rm",
        "--name",
        _instance(),
        "--pull=never",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
    )
    yield from ("--hostname=trial", f"--tmpfs=/tmp:size={TEMPORARY_BYTES},mode=1777,exec")
    yield from () if trial.network or trial.interactive else ("--network=none",)
    yield from ("--interactive", "--tty") if trial.interactive else ("--read-only",)
    for key, value in sorted(trial.environment.items()):
        yield from ("--env", f"{key}={value}")
    program, *arguments = trial.command
    yield from (f"--entrypoint={program}", name, *arguments)


COMMANDS = {"containerd": containerd_command, "docker": docker_command}


@contextmanager
def _loaded(engine: Engine, machine: Machine, layout: Layout, image: LayoutImage, trial: Trial) -> Iterator[str]:
    """The engine has the image, and has it no more afterwards: layouts are what is kept."""
    name = f"trial.local/{trial.name.replace('/', '-')}:{image.digest.partition(':')[2][:12]}"
    takes = ctr(machine, "images", "import", "-") if engine == "containerd" else ["docker", "load"]
    drops = ctr(machine, "images", "remove", "--sync", name) if engine == "containerd" else ["docker", "rmi", name]
    with subprocess.Popen(takes, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdin is not None  # noqa: S101 - for the type checker
        try:
            layout.write_archive(image, name, process.stdin)
            process.stdin.close()
        except BrokenPipeError:
            pass
        told = process.stdout.read().decode(errors="replace") if process.stdout else ""
    if process.returncode:
        raise GaveUp(f"{engine} does not take the image of {trial.name}: {' '.join(told.split())}")
    try:
        yield name
    finally:
        subprocess.run(drops, capture_output=True, check=False)


@contextmanager
def _hosts(machine: Machine, engine: Engine) -> Iterator[Path]:
    """A hosts file as every pod has one, in a folder for the run's pipes."""
    parent = files.folder(machine.state / "run") if engine == "containerd" else None
    with tempfile.TemporaryDirectory(prefix="trial-", dir=parent) as folder:
        hosts = Path(folder) / "hosts"
        hosts.write_text("127.0.0.1 localhost trial\n::1 localhost\n")
        hosts.chmod(0o644)
        yield hosts


def _stop(engine: Engine, machine: Machine, command: Sequence[str]) -> None:
    name = next(part for part in command if part.startswith(INSTANCE))
    kills = ctr(machine, "tasks", "kill", "--signal", "SIGKILL", name), ctr(machine, "containers", "delete", name)
    for kill in kills if engine == "containerd" else (["docker", "kill", name],):
        subprocess.run(kill, capture_output=True, check=False)


def _instance() -> str:
    return f"{INSTANCE}{uuid.uuid4().hex[:12]}"
