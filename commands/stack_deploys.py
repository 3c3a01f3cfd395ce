"""Deploying a checkout: by ``make up`` where the stack is this machine's own, else by the Pulumi CLI."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from commands.stack_clusters import is_this_machine_s
from infra.settings import Settings
from local.waiting import GaveUp
from pipelines.errors import InputError, Problem


def deploy(stack: str, settings: Settings, folder: Path = Path(), python: str = sys.executable) -> None:
    """Deploy what the folder holds, under the Python given. Raises GaveUp when that fails; the tool has said why."""
    if is_this_machine_s(stack, settings):
        command = [python, "-m", "commands", "local", "up", "--no-smoke"]
    else:
        command = ["pulumi", "up", "--stack", stack, "--yes"]
    try:
        done = subprocess.run(command, cwd=folder, check=False)
    except FileNotFoundError:
        raise InputError([Problem("environment", "PATH", "no pulumi", "the Pulumi CLI", "install it")]) from None
    if done.returncode:
        raise GaveUp(f"{' '.join(command[-5:])} failed: its own message stands above")
