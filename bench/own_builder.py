"""A BuildKit of the benchmark's own: an empty cache, and nobody else's builds in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from local import builder, containers, probes
from local.cgroups import Tree
from local.machine import Machine
from local.processes import Daemon, Supervisor


@dataclass(frozen=True)
class OwnBuilder:
    """``machine`` is the platform's, but for the builder's address."""

    machine: Machine
    groups: Tree

    def cpu_seconds(self) -> float:
        """Of all builds so far, and of the daemon."""
        for root in self.groups.roots:
            group = root / self.groups.name
            with suppress(OSError):
                return int((group / "cpuacct.usage").read_text()) / 1e9
            with suppress(OSError, StopIteration):
                lines = (group / "cpu.stat").read_text().splitlines()
                return next(int(line.split()[1]) for line in lines if line.startswith("usage_usec ")) / 1e6
        return 0.0


@contextmanager
def own_builder(machine: Machine, folder: Path) -> Iterator[OwnBuilder]:
    """Serves until the block ends; then the daemon, its cache and its control groups are gone.

    ``folder`` must not exist. It takes the stand-ins of upstream images from the platform's mirror.
    """
    folder.mkdir(parents=True)
    socket = folder / "run" / "buildkitd.sock"
    own = replace(machine, state=folder, buildkit_address=f"unix://{socket}")
    groups = Tree.here(own.control_group)
    groups.ensure()
    watch = Supervisor(folder / "run", folder / "logs", groups.daemons)
    path = folder / "run" / "buildkitd.toml"
    daemon = Daemon(
        "buildkitd",
        # What it mounts goes with it.
        ("unshare", "--mount", "--propagation", "slave", str(machine.tool("buildkitd")), "--config", str(path)),
        lambda: probes.socket_answers(socket),
        containers.environment(),
        {path: builder.configuration(own)},
    )
    try:
        watch.start(daemon)
        watch.await_ready(daemon)
        yield OwnBuilder(own, groups)
    finally:
        watch.stop("buildkitd")
        groups.kill()
        groups.remove()
        shutil.rmtree(folder, ignore_errors=True)
