"""The mount namespace in which everything that mounts runs.

Whatever is mounted there, by the kubelet, containerd, pods or builds, goes with the last process inside; the host
never sees it. Folders that containerd, the kubelet and CNI have compiled in are replaced in there by our own.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from local import files
from local.machine import Machine
from local.processes import Daemon, Supervisor
from local.waiting import GaveUp

NAME = "mounts"
#: Folder that some program has compiled in -> folder of the state folder that it gets instead.
REPLACED: Mapping[str, str] = MappingProxyType(
    {
        "/run/containerd": "run/shims",
        "/var/lib/cni": "run/cni",
        "/var/lib/kubelet": "run/kubelet",
        "/var/log/containers": "run/container-logs",
    }
)
SCRIPT = 'while [ $# -gt 0 ]; do mount --bind "$1" "$2"; shift 2; done; exec sleep infinity'


def daemon(machine: Machine, supervisor: Supervisor) -> Daemon:
    pairs = [part for target, source in REPLACED.items() for part in (str(machine.state / source), target)]

    def missing() -> str | None:
        running = supervisor.running(NAME)
        mounted = Path(f"/proc/{running.pid}/mounts").read_text() if running else ""
        left = [target for target in REPLACED if f" {target} " not in mounted]
        return f"{', '.join(left)} not mounted" if left else None

    return Daemon(
        NAME,
        ("unshare", "--mount", "--propagation", "slave", "sh", "-ec", SCRIPT, NAME, *pairs),
        missing,
        ready_seconds=10,
        grace_seconds=1,
    )


def inside(supervisor: Supervisor, *command: str) -> tuple[str, ...]:
    """``command``, run in the namespace; it names the namespace's process, so that another namespace restarts it."""
    running = supervisor.running(NAME)
    if running is None:
        raise GaveUp("the mount namespace is gone")
    return ("nsenter", f"--mount=/proc/{running.pid}/ns/mnt", "--", *command)


def prepare(machine: Machine) -> None:
    record = _record(machine)
    absent = [target for target in REPLACED if not Path(target).exists()]
    if absent:
        ours = json.loads(record.read_text()) if record.exists() else []
        files.write(record, json.dumps(sorted({*ours, *absent})) + "\n")
    for target, source in REPLACED.items():
        files.folder(machine.state / source)
        Path(target).mkdir(parents=True, exist_ok=True)


def clean(machine: Machine) -> None:
    """Remove the empty folders that ``prepare`` made outside the state folder, but those that others mount upon."""
    record = _record(machine)
    if record.exists():
        # A platform of another state folder uses the same ones, and removing a folder detaches what is mounted there in
        # other namespaces: mount_namespaces(7), restrictions on mount namespaces.
        for target in set(json.loads(record.read_text())) - _mount_points():
            with contextlib.suppress(OSError):
                Path(target).rmdir()
        record.unlink()


def _mount_points() -> set[str]:
    """Where anything is mounted, in the mount namespace of any process."""
    seen, found = set(), set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            namespace = (process / "ns/mnt").readlink()
            if namespace not in seen:
                found |= {line.split()[4] for line in (process / "mountinfo").read_text().splitlines()}
                seen.add(namespace)
    return found


def _record(machine: Machine) -> Path:
    return machine.state / "host-folders.json"
