"""Every stage of ``make up``: from empty caches, on a stopped platform, with nothing to do, and after an edit.

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
#: What is appended to which file, and so has to be built, or only published.
EDITS = {
    "image edited": ("images/cost-of-living/Dockerfile", "\nENV EDITION=measured\n"),
    "task source edited": ("dags/cost_of_living/tasks.py", "\n# measured\n"),
}


def measure() -> dict[str, Run]:
    """``{"cold": …, "stopped": …, …}``: seconds, and seconds and peak memory in bytes of each stage.

    After an edit only the way to its publication counts, so no DAG is run.
    """
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
            found |= _edits(environment, Path(folder))
        finally:
            platform.purge(machine, progress)
            if ran:
                platform.start(mine, progress)
    return found


def _edits(environment: dict[str, str], folder: Path) -> dict[str, Run]:
    """Each edit in a clone of its own commit, so that the person's work tree is not touched."""
    clone = folder / "clone"
    subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(clone)], check=True)
    found = {}
    for name, (path, text) in EDITS.items():
        with (clone / path).open("a") as file:
            file.write(text)
        found[name] = _up(environment, folder, "--no-smoke", project=clone)
    return found


def _up(environment: dict[str, str], folder: Path, *flags: str, project: Path = PROJECT) -> Run:
    result = folder / "up.json"
    command = [sys.executable, "-m", "bench.stages_run", str(result), *flags]
    subprocess.run(command, env=environment, cwd=project, check=True)
    run: Run = json.loads(result.read_text())
    return run
