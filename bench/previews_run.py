"""Both previews of the same changes, in turn, on a stack that the engine has deployed; as JSON to the file given.

Runs behind ``local.nodeless.ALONE``: ``<file> <counted runs>``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.previews import ANEW, CHANGES, ENGINE, KNOWN
from local import files
from plan.commits import CACHE
from tests.plan import changes, engine

Stages = dict[str, float]
#: What an event of the engine begins, by what its line has in it.
BEGINS = {
    '"preludeEvent"': "language host, imports, settings",
    '"resourcePreEvent"': "resources",
    '"summaryEvent"': "end",
}


def as_users_have_it() -> dict[str, str]:
    """Byte code is kept: both ways find that of the run before."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def previewed(one: engine.Engine) -> Stages:
    """Seconds of each stage of a real preview: from one of the engine's first events to the next."""
    arguments = ("--json", "--config-file", str(one.config), "--suppress-outputs")
    command = ["pulumi", "preview", "--stack", engine.STACK, "--non-interactive", *arguments]
    environment = {**as_users_have_it(), **one.environment(), "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true"}
    seen = {"CLI, state, plugins": time.perf_counter()}
    with subprocess.Popen(
        command, cwd=one.project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout
        for line in process.stdout:
            if stage := next(
                (stage for mark, stage in BEGINS.items() if mark in line and not _is_the_stack(line)), None
            ):
                seen.setdefault(stage, time.perf_counter())
    if process.returncode:
        raise RuntimeError(f"pulumi preview ended with {process.returncode}")
    return _between(seen)


def _is_the_stack(line: str) -> bool:
    """It is registered before the program has imported anything."""
    return '"resourcePreEvent"' in line and "pulumi:pulumi:Stack" in line


def planned(one: engine.Engine, *, base_known: bool) -> Stages:
    """Seconds of each stage of ``plan diff``, as its process tells them."""
    if not base_known:
        files.remove(one.project / CACHE)
    result = one.home / "stages.json"
    command = [sys.executable, "-m", "bench.plan_diff_run", str(result), "base"]
    began = time.perf_counter()
    environment = {**as_users_have_it(), "PYTHONPATH": str(engine.ROOT)}
    subprocess.run(command, cwd=one.project, env=environment, stdout=subprocess.DEVNULL, check=True)
    whole = time.perf_counter() - began
    stages: Stages = json.loads(result.read_text())
    return {"interpreter, imports": whole - sum(stages.values()), **stages}


def _between(seen: Mapping[str, float]) -> Stages:
    begun = sorted(seen.items(), key=lambda one: one[1])
    ends = [*(start for _, start in begun), time.perf_counter()]
    return {name: end - start for (name, _), (start, end) in zip(begun, pairwise(ends), strict=True)}


WAYS: Mapping[str, Callable[[engine.Engine], Stages]] = {
    ENGINE: previewed,
    ANEW: partial(planned, base_known=False),
    KNOWN: partial(planned, base_known=True),
}


def measure(one: engine.Engine, runs: int) -> dict[str, Any]:
    """Change -> way -> the stages of each counted run."""
    found: dict[str, Any] = {}
    for change in CHANGES:
        one.configure(changes.branch_of(change))
        for way in WAYS.values():
            way(one)
        taken: dict[str, list[Stages]] = {name: [] for name in WAYS}
        for _ in range(runs):
            for name, way in WAYS.items():
                taken[name].append(way(one))
        found[change] = taken
    return found


if __name__ == "__main__":
    with engine.deployed() as deployed:
        Path(sys.argv[1]).write_text(json.dumps(measure(deployed, int(sys.argv[2]))))
