"""Every stage of ``make up``: from empty caches, on a stopped platform, and with nothing to do.

The cold run has folders of its own, so the user's platform is only stopped meanwhile; it needs the same ports and the
same network, so there is never more than one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.program import PROJECT
from local import platform
from local.machine import Machine
from local.progress import Progress

Run = dict[str, Any]


def measure() -> dict[str, Run]:
    """``{"cold": …, "stopped": …, "unchanged": …}``: seconds, and seconds and peak memory in bytes of each stage."""
    progress = Progress()
    mine = Machine.here()
    ran = any(component.running for component in platform.status(mine))
    platform.stop(mine, progress)
    with TemporaryDirectory(prefix="up-", dir="/var/tmp") as folder:
        environment = {
            **os.environ,
            "XDG_CACHE_HOME": f"{folder}/cache",
            "XDG_STATE_HOME": f"{folder}/state",
        }
        machine = Machine.here(environment)
        try:
            found = {"cold": _up(environment, Path(folder))}
            platform.stop(machine, progress)
            found["stopped"] = _up(environment, Path(folder))
            found["unchanged"] = _up(environment, Path(folder))
        finally:
            platform.purge(machine, progress)
            if ran:
                platform.start(mine, progress)
    return found


def _up(environment: dict[str, str], folder: Path) -> Run:
    result = folder / "up.json"
    command = [sys.executable, "-m", "bench.stages_run", str(result)]
    subprocess.run(command, env=environment, cwd=PROJECT, check=True)
    run: Run = json.loads(result.read_text())
    return run
