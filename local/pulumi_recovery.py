"""What a Pulumi that was killed leaves behind, and how the next one goes on from there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from local.waiting import wait

UNDER_WAY_SECONDS = 1800
PAUSE_SECONDS = 1.0


def mend(checkpoint: Path, say: Callable[[str], None]) -> None:
    """Put the state before in the place of one that is half-written; where both are, remove it."""
    for attributes in checkpoint.parent.glob("*.attrs"):
        # Pulumi can do without the file, and not with half of it.
        if not is_whole(attributes):
            attributes.unlink()
    if not checkpoint.exists() or is_whole(checkpoint):
        return
    say("the last update was killed while it wrote its state: going on from the state before")
    before = checkpoint.with_name(f"{checkpoint.name}.bak")
    if is_whole(before):
        shutil.copyfile(before, checkpoint)
    else:
        checkpoint.unlink()


def unlock(locks: Path, say: Callable[[str], None]) -> None:
    """Remove the locks of updates that were killed; wait for one that is under way.

    Raises GaveUp when that one does not end.
    """
    told: list[int] = []

    def missing() -> str | None:
        for lock in locks.rglob("*.json"):
            if not is_whole(lock) or not _is_alive(holder := int(json.loads(lock.read_text())["pid"])):
                say("the last update was interrupted: taking its lock away")
                lock.unlink(missing_ok=True)
                continue
            if holder not in told:
                told.append(holder)
                say(f"waiting for the update of process {holder}")
            time.sleep(PAUSE_SECONDS)
            return f"process {holder} still holds {lock}"
        return None

    wait("another update of this stack", missing, UNDER_WAY_SECONDS)


def end_orphans(home: Path) -> list[int]:
    """Kill the plugins of CLIs that are no more; returns their process ids.

    ``home`` is what their PULUMI_HOME begins with.
    """
    marker = f"PULUMI_HOME={home}".encode()
    ours = {pid: parent for pid, parent in _processes() if marker in _environment(pid)}
    orphans = [pid for pid, parent in ours.items() if parent not in ours and _name(pid).startswith("pulumi-")]
    # Children of a plugin, such as the program itself, go with it.
    orphans += [pid for pid, parent in ours.items() if parent in orphans]
    for pid in orphans:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return orphans


def is_whole(file: Path) -> bool:
    """Whether the file is there and is JSON."""
    try:
        json.loads(file.read_text())
    except (OSError, ValueError):
        return False
    return True


def _is_alive(pid: int) -> bool:
    return _name(pid).startswith("pulumi")


def _processes() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        yield int(folder.name), int(status[1])


def _environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
