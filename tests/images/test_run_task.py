"""The task images' entry point, beside a store that answers as S3 does."""

from __future__ import annotations

import hashlib
import http.server
import importlib.util
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from airflow_runtime import tree

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
ENTRY_POINT = ROOT / "images" / "bases" / "task" / "run_task.py"
SOURCE = {
    "task.py": b"import near\n\ndef greet(name, times=1):\n    return {'said': [near.GREETING + name] * times}\n",
    "near.py": b"GREETING = 'hello '\n",
}


def load_entry_point() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_task", ENTRY_POINT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


run_task = load_entry_point()


@dataclass
class Store:
    """Objects by path, and what goes wrong before they are served."""

    address: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    faults: list[int] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def store() -> Iterator[Store]:
    known = Store()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known.requests.append(self.path)
            found = known.objects.get(self.path)
            status = known.faults.pop(0) if known.faults else 404 if found is None else 200
            code = {403: "AccessDenied", 404: "NoSuchKey"}.get(status, "SlowDown")
            body = (
                found
                if status == 200 and found
                else f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
            )
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        known.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield known
        server.shutdown()


def archive(files: Mapping[str, bytes]) -> tuple[str, bytes]:
    """A published source as the runtime packs it: its hash and its bytes."""
    known = {path: tree.File(False, content) for path, content in files.items()}
    return tree.tree_hash(known), tree.pack(known)


def environment(store: Store, files: Mapping[str, bytes], **other: str) -> dict[str, str]:
    digest, data = archive(files)
    key = f"dags/sources/{digest}.tar.gz"
    store.objects[f"/airflow/{key}"] = data
    return {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "not-to-be-printed",
        "AWS_ENDPOINT_URL_S3": store.address,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "OBJECT_STORE_BUCKET": "airflow",
        "TASK_SOURCE": key,
        "TASK_SOURCE_SHA256": digest,
        "TASK_ENTRY": "task:greet",
        "TASK_ARGUMENTS": '{"name": "you"}',
        **other,
    }


def run(variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """The entry point as the image starts it."""
    return subprocess.run(
        [sys.executable, "-P", str(ENTRY_POINT)], env=variables, capture_output=True, text=True, check=False
    )


def run_here(variables: Mapping[str, str], xcom: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", sys.dont_write_bytecode)
    known = set(sys.modules)
    try:
        run_task.main(variables, xcom)
    finally:
        for name in {"task", "near"} - known:
            sys.modules.pop(name, None)


def test_the_result_is_handed_over_where_the_sidecar_looks(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_here(environment(store, SOURCE, TASK_ARGUMENTS='{"name": "you", "times": 2}'), tmp_path, monkeypatch)
    assert [path.name for path in tmp_path.iterdir()] == ["return.json"]
    assert json.loads((tmp_path / "return.json").read_text()) == {"said": ["hello you", "hello you"]}


def test_without_a_sidecar_the_result_goes_nowhere(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_here(environment(store, SOURCE), tmp_path / "absent", monkeypatch)
    assert not (tmp_path / "absent").exists()


def test_a_store_that_is_busy_is_asked_again(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.faults = [503]
    run_here(environment(store, SOURCE), tmp_path, monkeypatch)
    assert len(store.requests) == 2


def test_files_keep_their_execute_bit(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "task.py": tree.File(False, b"import os\n\ndef greet(name):\n    return os.access(os.path.join("
                                    b"os.path.dirname(__file__), 'bin/tool'), os.X_OK)\n"),
        "bin/tool": tree.File(True, b"#!/bin/sh\n"),
    }  # fmt: skip
    variables = environment(store, {})
    store.objects[f"/airflow/{variables['TASK_SOURCE']}"] = tree.pack(files)
    run_here({**variables, "TASK_SOURCE_SHA256": tree.tree_hash(files)}, tmp_path, monkeypatch)
    assert (tmp_path / "return.json").read_text() == "true"


BROKEN = {
    "task.py": b"import pandas_that_nobody_has\n",
}
RAISES = {"task.py": b"def greet(name):\n    raise ValueError('the task itself: ' + name)\n"}
RETURNS = {"task.py": b"def greet(name):\n    return float('nan')\n"}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"TASK_SOURCE": ""}, "the environment variable TASK_SOURCE is not set"),
        ({"OBJECT_STORE_BUCKET": ""}, "the environment variable OBJECT_STORE_BUCKET is not set"),
        ({"TASK_SOURCE_SHA256": "0" * 64}, "is not the code that this task was published with"),
        ({"TASK_SOURCE": "dags/sources/absent.tar.gz"}, "s3://airflow/dags/sources/absent.tar.gz: NoSuchKey"),
        ({"TASK_ENTRY": "task.greet"}, "TASK_ENTRY is 'task.greet', not module:function"),
        ({"TASK_ENTRY": "tusk:greet"}, "no module 'tusk' in the task's code; it has near.py, task.py"),
        ({"TASK_ENTRY": "task:great"}, "module 'task' of the task's code has no function 'great'"),
        ({"TASK_ARGUMENTS": "{name}"}, "TASK_ARGUMENTS is not JSON"),
        ({"TASK_ARGUMENTS": "[1]"}, "TASK_ARGUMENTS is a JSON list, not an object"),
        ({"TASK_ARGUMENTS": '{"nam": 1}'}, "task:greet does not take the task's arguments"),
    ],
)
def test_what_cannot_be_run_is_told_in_one_line(
    change: dict[str, str], line: str, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(run_task.CannotRunError) as caught:
        run_here(environment(store, SOURCE, **change), tmp_path, monkeypatch)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "not-to-be-printed" not in str(caught.value)


def test_a_result_that_is_no_json_is_refused(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(run_task.CannotRunError, match="no JSON value"):
        run_here(environment(store, RETURNS), tmp_path, monkeypatch)
    assert list(tmp_path.iterdir()) == []


def test_a_library_that_the_image_lacks_is_the_tasks_own_error(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModuleNotFoundError, match="pandas_that_nobody_has"):
        run_here(environment(store, BROKEN), tmp_path, monkeypatch)


def test_exit_codes_and_streams(store: Store) -> None:
    done = run(environment(store, SOURCE))
    assert (done.returncode, done.stderr) == (0, "")
    refused = run(environment(store, SOURCE, TASK_ENTRY="task:great"))
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    failed = run(environment(store, RAISES))
    assert failed.returncode == 1
    assert "Traceback" in failed.stderr
    assert "ValueError: the task itself: you" in failed.stderr


def test_a_stop_ends_it_at_once_and_leaves_nothing(store: Store, tmp_path: Path) -> None:
    sleeper = {"task.py": b"import time\n\ndef greet(name):\n    time.sleep(60)\n"}
    variables = environment(store, sleeper, TMPDIR=str(tmp_path))
    with subprocess.Popen([sys.executable, "-P", str(ENTRY_POINT)], env=variables, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"run_task: task:greet")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 128 + signal.SIGTERM
    assert time.monotonic() - began < 5
    assert list(tmp_path.iterdir()) == []


SCRIPT = {"say.sh": b"echo $1 $(ls); exit $2\n"}


def run_words(variables: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    start = [sys.executable, "-P", str(ENTRY_POINT), *words]
    return subprocess.run(start, env=variables, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("code", [0, 1, 3])
def test_a_command_runs_in_the_source_folder_and_its_exit_code_is_the_tasks(store: Store, code: int) -> None:
    variables = environment(store, SCRIPT)
    del variables["TASK_ENTRY"]
    done = run_words(variables, "sh", "say.sh", "$HOME; ls", str(code))
    assert done.stdout.splitlines()[1:] == ["$HOME; ls say.sh"]
    assert (done.returncode, done.stderr) == (code, "")


def test_a_script_of_the_source_is_a_command(store: Store) -> None:
    files = {"bin/tool": tree.File(True, b"#!/bin/sh\necho tool\n")}
    variables = {**environment(store, {}), "TASK_SOURCE_SHA256": tree.tree_hash(files)}
    store.objects[f"/airflow/{variables['TASK_SOURCE']}"] = tree.pack(files)
    assert run_words(variables, "bin/tool").stdout.splitlines()[1:] == ["tool"]


def test_a_command_that_is_not_there_is_told_in_one_line(store: Store) -> None:
    done = run_words(environment(store, SCRIPT), "fortran-77")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "'fortran-77' cannot be run" in done.stderr


def test_a_command_that_a_signal_ends_has_a_shells_exit_code(store: Store) -> None:
    assert run_words(environment(store, SCRIPT), "sh", "-c", "kill -9 $$").returncode == 128 + signal.SIGKILL


def test_a_stop_reaches_the_command(store: Store, tmp_path: Path) -> None:
    variables = environment(store, {}, TMPDIR=str(tmp_path))
    words = ["sh", "-c", "trap 'echo stopped; exit 5' TERM; echo begun; while :; do sleep 0.05; done"]
    start = [sys.executable, "-P", str(ENTRY_POINT), *words]
    with subprocess.Popen(start, env=variables, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)][1] == "begun\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 128 + signal.SIGTERM
        assert process.stdout.read() == "stopped\n"
    assert list(tmp_path.iterdir()) == []


def test_a_stop_while_the_command_starts_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class StoppedAtOnce(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)
            signal.raise_signal(signal.SIGTERM)

    def stop(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    handler = signal.signal(signal.SIGTERM, stop)
    monkeypatch.setattr(subprocess, "Popen", StoppedAtOnce)
    try:
        with pytest.raises(SystemExit):
            run_task.command(["sleep", "60"], None)
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert [process.poll() for process in started] == [-signal.SIGTERM]


def hook(folder: Path, name: str, script: str, mode: int = 0o755) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(mode)


def test_hooks_run_before_the_task_by_name(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    variables = environment(store, SCRIPT)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    hook(tmp_path, "20-second", "echo second")
    hook(tmp_path, "10-first", "echo first")
    hook(tmp_path, "30-read-me", "echo never", 0o644)
    assert run_task.main(variables, tmp_path, ("sh", "say.sh", "task", "0"), tmp_path) == 0
    said = [line for line in capfd.readouterr().out.splitlines() if not line.startswith("run_task:")]
    assert said == ["first", "second", "task say.sh"]


def test_a_hook_that_fails_stops_the_task(store: Store, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    hook(tmp_path, "10-first", "exit 7")
    hook(tmp_path, "20-second", "echo second")
    with pytest.raises(run_task.CannotRunError, match="10-first failed with exit code 7"):
        run_task.main(environment(store, SCRIPT), tmp_path, ("echo", "task"), tmp_path)
    assert "second" not in capfd.readouterr().out
    assert store.requests == []


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as made:
        for member, content in members:
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def sparse(name: str, size: int) -> tuple[tarfile.TarInfo, bytes]:
    made = member(name)
    made.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(size), "GNU.sparse.name": name}
    return made, b""


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


@pytest.mark.parametrize(
    "data",
    [
        packed((member("../out.py"), b"")),
        packed((member("/etc/out.py"), b"")),
        packed((member("a/./b.py"), b"")),
        packed((member("link", tarfile.SYMTYPE, "/etc/passwd"), b"")),
        packed((member("link", tarfile.LNKTYPE, "task.py"), b"")),
        packed((member("device", tarfile.CHRTYPE), b"")),
        packed(sparse("holes", 1 << 50)),
        packed((member("twice.py"), b"1"), (member("twice.py"), b"2")),
        packed((member("task.py"), b"x" * 100))[:-20],
        b"no archive",
        b"",
    ],
    # The bytes hold the time: two processes must collect the same names.
    ids=["climbs", "absolute", "dot", "symlink", "hard link", "device", "sparse", "twice", "cut", "text", "empty"],
)
def test_an_archive_that_no_publication_writes_is_refused(data: bytes) -> None:
    with pytest.raises(run_task.CannotRunError):
        run_task.read_archive(data, "sources/x.tar.gz")


def test_an_archive_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_task, "MAXIMUM_BYTES", 20_000)
    with pytest.raises(run_task.CannotRunError, match="larger"):
        run_task.read_archive(packed((member("zeros"), bytes(100_000))), "sources/x.tar.gz")


FILES = some.dictionaries(
    some.text("abcé_/.-", min_size=1, max_size=12).filter(lambda path: not {"", ".", ".."} & set(path.split("/"))),
    some.tuples(some.booleans(), some.binary(max_size=40)),
    max_size=6,
)


@given(FILES)
def test_the_hash_is_the_one_that_publication_takes(files: dict[str, tuple[bool, bytes]]) -> None:
    assert run_task.tree_hash(files) == tree.tree_hash({path: tree.File(*one) for path, one in files.items()})


def test_the_hash_is_written_down() -> None:
    plain = hashlib.sha256(b"de-airflow-pipeline tree 1\n- 1 2\nabcx 1 0\nz").hexdigest()
    assert run_task.tree_hash({"z": (True, b""), "a": (False, b"bc")}) == plain
