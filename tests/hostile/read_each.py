"""Reads each hostile file in a fork of its own, under limits, and prints what became of it as one JSON object a line.

``python -m tests.hostile.read_each FOLDER [NAME ...]``; each file becomes ``FOLDER/<number>/dags/letters.yaml``.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.dag_config import check_dags
from pipelines.dag_tree import published_tree
from pipelines.errors import InputError
from pipelines.stack_checks import Provision
from tests.hostile.corpus import BASE, files
from tests.pipelines.trees import FIXTURE, catalog

#: Above what is asserted, so that a failure is told instead of taking the machine down: CPU seconds, bytes.
SECONDS, ADDRESSES = 20, 4 << 30
#: What only code that runs would do.
FORBIDDEN = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "subprocess.Popen",
    "socket.connect",
    "urllib.Request",
)


def main(folder: Path, only: Sequence[str] = ()) -> None:
    known = catalog()
    # What is imported on first use is so before the forks.
    read(prepared(folder / "base", BASE.encode()), known)
    for number, (name, content) in enumerate(files()):
        if only and name not in only:
            continue
        dags = prepared(folder / str(number), content)
        del content
        sys.stdout.write(json.dumps({"name": name, **in_a_fork(dags, known)}) + "\n")
        shutil.rmtree(dags.parent)


def prepared(folder: Path, content: bytes) -> Path:
    dags = folder / "dags"
    shutil.copytree(FIXTURE / "dags/letters", dags / "letters")
    # The corpus gives it whatever it likes.
    (dags / "letters/letters.py").write_text("def count(**words): ...\ndef tell(**words): ...\n")
    (dags / "letters.yaml").write_bytes(content)
    return dags


def read(dags: Path, known: Any) -> dict[str, Any]:
    checked = check_dags(dags, known, Provision())
    tree = published_tree(checked.dags, known, dags)
    generated = {path: text.decode() for path, text in tree.files.items() if path.endswith(".py") and "/" not in path}
    for path, text in generated.items():
        compile(text, path, "exec")
    return {"told": str(InputError(checked.problems)) if checked.problems else "", "generated": generated}


def in_a_fork(dags: Path, known: Any) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
        events: list[str] = []
        sys.addaudithook(lambda event, _: events.append(event) if event.startswith(FORBIDDEN) else None)
        try:
            found = read(dags, known)
        except BaseException as raised:
            found = {"raised": f"{type(raised).__name__}: {raised}"[:1000]}
        with os.fdopen(writing, "w") as pipe:
            json.dump({**found, "events": events}, pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    _, status, usage = os.wait4(child, 0)
    found = json.loads(answer) if answer else {"raised": f"ended with {os.waitstatus_to_exitcode(status)}"}
    return {**found, "seconds": usage.ru_utime + usage.ru_stime, "bytes": usage.ru_maxrss * 1024}


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
