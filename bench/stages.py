"""Every stage of ``make up``: from empty caches, on a stopped platform, with nothing to do, and after an edit.

The cold run has folders of its own, so the user's platform is only stopped meanwhile; it needs the same ports and the
same network, so there is never more than one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from bench.program import PROJECT
from bench.subject import Figures, Subject
from local import platform
from local.machine import Machine
from local.progress import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Run = dict[str, Any]
#: What is appended to which file, and so has to be built, or only published.
EDITS = {
    "image edited": ("images/cost-of-living/Dockerfile", "\nENV EDITION=measured\n"),
    "task source edited": ("dags/cost_of_living/tasks.py", "\n# measured\n"),
}


# Stages of the smoke test, which is a stage itself.
INSIDE_ANOTHER = "DAG "
# Seconds, below which a name does not fit into its bar.
WORTH_A_LABEL = 40


def measure(runs: int = 1) -> Figures:
    """``{"cold": …, "stopped": …, …}``: seconds, and seconds and peak memory in bytes of each stage.

    After an edit only the way to its publication counts, so no DAG is run. Once, whatever ``runs``.
    """
    del runs
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


def table(figures: Figures) -> list[str]:
    lines: list[str] = []
    for name, run in figures.items():
        lines += [f"## make up, {name}: {run['seconds']:.0f} s", "", f"By {run['applied by']}.", ""]
        lines += ["| stage | seconds | machine's peak memory, MB |", "| --- | ---: | ---: |"]
        for stage in run["stages"]:
            lines.append(f"| {stage['name']} | {stage['seconds']:.1f} | {stage['peak_memory'] / 1e6:.0f} |")
        lines.append("")
    return lines[:-1]


def draw(axes: Axes, figures: Figures) -> None:
    for row, run in enumerate(figures.values()):
        _bar(axes, row, [one for one in run["stages"] if not one["name"].startswith(INSIDE_ANOTHER)])
    axes.set_yticks(range(len(figures)), [f"{name}\n{run['seconds']:.0f} s" for name, run in figures.items()])
    axes.set(title="make up", xlabel="seconds")


def _bar(axes: Axes, row: int, stages: Sequence[Mapping[str, Any]]) -> None:
    start = 0.0
    for number, stage in enumerate(stages):
        seconds = stage["seconds"]
        axes.barh(row, seconds, left=start, color=f"C{number % 10}", edgecolor="white")
        if seconds > WORTH_A_LABEL:
            words = stage["name"].partition(" with ")[0].replace(" ", "\n")
            axes.text(start + seconds / 2, row, words, ha="center", va="center", fontsize="small", color="white")
        start += seconds


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


SUBJECT = Subject(
    "stages",
    "stages",
    "make up, from empty caches",
    measure,
    table,
    draw,
    needs="root, and the ports of the one-machine platform, for half an hour",
)
