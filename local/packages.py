"""What comes from Debian: the few parts that need cgo or the system's own libraries."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from local import files
from local.progress import Progress
from local.waiting import GaveUp

#: Program or file that must exist -> Debian package that brings it.
NEEDED: Mapping[str, str] = MappingProxyType(
    {
        # Built without libseccomp it refuses every pod, so it cannot be one of the Go modules.
        "runc": "runc",
        "/usr/lib/cni/ptp": "containernetworking-plugins",
        "nft": "nftables",
        "ip": "iproute2",
        "unshare": "util-linux",
        "mount": "mount",
        "mmdebstrap": "mmdebstrap",
        # Without it neither Go nor apt believes a server's certificate.
        "/etc/ssl/certs/ca-certificates.crt": "ca-certificates",
    }
)
SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def missing() -> tuple[str, ...]:
    """Debian packages still to be installed, sorted."""
    return tuple(sorted({package for name, package in NEEDED.items() if not _is_there(name)}))


def ensure(record: Path, progress: Progress) -> None:
    """Install what is missing; ``record`` names all that this put on the machine, dependencies included."""
    wanted = missing()
    if not wanted:
        return
    progress.say(f"installing {', '.join(wanted)} with apt-get")
    # Stale lists may still do: what matters is whether the installation succeeds.
    with contextlib.suppress(GaveUp):
        _apt("update", "-q")
    plan = _apt("install", "--simulate", "--no-install-recommends", *wanted)
    new = re.findall(r"^Inst (\S+) \(", plan, re.MULTILINE)  # an upgrade has its old version in between
    # Before the installation: a kill in the middle of it must not make us forget what is ours.
    files.write(record, json.dumps(sorted({*_recorded(record), *new}), indent=2) + "\n")
    install = ("install", "--yes", "--no-install-recommends", *wanted)
    try:
        _apt(*install)
    except GaveUp:
        # What an interrupted installation leaves half done makes every later one fail.
        subprocess.run(["dpkg", "--configure", "-a"], env=_environment(), capture_output=True, check=False)
        _apt(*install)
    if left := missing():
        raise GaveUp(f"apt-get installed {', '.join(wanted)}, but {', '.join(left)} still lacks its program")


def remove(record: Path, progress: Progress) -> None:
    """Purge what ``ensure`` installed, unless something that came later needs it; nothing that was there before."""
    ours = _recorded(record)
    if ours and (others := _removed_with(ours) - set(ours)):
        progress.say(f"keeping {', '.join(ours)}: {', '.join(sorted(others))} would go with them")
    elif ours:
        progress.say(f"removing {', '.join(ours)} with apt-get")
        _apt("purge", "--yes", *ours)
    record.unlink(missing_ok=True)


def _is_there(name: str) -> bool:
    return Path(name).exists() if name.startswith("/") else shutil.which(name, path=SEARCH) is not None


def _removed_with(names: tuple[str, ...]) -> set[str]:
    return set(re.findall(r"^(?:Remv|Purg) (\S+) ", _apt("purge", "--simulate", *names), re.MULTILINE))


def _recorded(record: Path) -> tuple[str, ...]:
    return tuple(json.loads(record.read_text())) if record.exists() else ()


def _apt(*arguments: str) -> str:
    command = ["apt-get", "-o", "DPkg::Lock::Timeout=120", *arguments]
    # In a session of its own: Ctrl-C must not end dpkg in the middle of a package.
    result = subprocess.run(
        command, env=_environment(), capture_output=True, text=True, check=False, start_new_session=True
    )
    if result.returncode != 0:
        last = "\n".join((result.stdout + result.stderr).strip().splitlines()[-10:])
        raise GaveUp(f"apt-get {' '.join(arguments)} failed:\n{last}")
    return result.stdout


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": SEARCH, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
