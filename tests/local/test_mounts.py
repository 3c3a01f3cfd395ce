"""Folders outside the state folder, which platforms of several state folders share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local import mounts
from local.machine import Machine

HOLD = 'mount --bind "$1" "$2" && echo mounted && exec cat'


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="mounting needs root on Linux")
def test_a_folder_stays_while_another_namespace_mounts_upon_it(tmp_path: Path) -> None:
    machine = Machine.here({"HOME": str(tmp_path)})
    source, used, unused = (tmp_path / name for name in ("source", "used", "unused"))
    for folder in (machine.state, source, used, unused):
        folder.mkdir(parents=True)
    (source / "content").touch()
    command = ("unshare", "--mount", "--propagation=private", "sh", "-ec", HOLD, "sh", str(source), str(used))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin
        assert holder.stdout
        assert holder.stdout.readline() == b"mounted\n"
        clean(machine, used, unused)
        assert used.exists()
        assert not unused.exists()
        assert (Path(f"/proc/{holder.pid}/root") / used.relative_to("/") / "content").exists()
        holder.stdin.close()
    clean(machine, used)
    assert not used.exists()


def clean(machine: Machine, *made: Path) -> None:
    (machine.state / "host-folders.json").write_text(json.dumps([str(folder) for folder in made]))
    mounts.clean(machine)
