"""Entry point of every task image: fetch the task's code from the bucket, check it, run one function of it, or the
command that stands in the container's arguments, in the code's folder.

Environment: ``TASK_SOURCE`` (key of a gzipped tar in the bucket), ``TASK_SOURCE_SHA256`` (hash of its content),
``TASK_ENTRY`` (``module:function``, where there is no command), ``TASK_ARGUMENTS`` (JSON object, optional),
``OBJECT_STORE_BUCKET``, and what boto3 reads. What the function returns is written as JSON where the XCom sidecar looks
for it, when there is one; a command writes there itself.

Before all that the image's start-up hooks run: the executable files in ``/opt/task/startup.d``, by name, as the task's
user and in its environment. The task does not run when one fails.

Exit code 2 with one line for what cannot be run, 1 with its traceback for a task that fails; a command's own.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

XCOM = Path("/airflow/xcom")
HOOKS = Path("/opt/task/startup.d")
ENTRY = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)")
MAXIMUM_BYTES = 100 * 1024 * 1024
MAXIMUM_FILES = 10_000
GZIP_WINDOW = 31
ATTEMPTS = 8


class CannotRunError(Exception):
    """The task cannot be run as it was asked for; the message is all that a reader needs."""


def main(
    environment: Mapping[str, str] = os.environ, xcom: Path = XCOM, words: Sequence[str] = (), hooks: Path = HOOKS
) -> int:
    """Run the task that the environment, or a command's words, describe.

    Returns the exit code; raises CannotRunError, or whatever the task raises.
    """
    key, expected = _needed(environment, "TASK_SOURCE"), _needed(environment, "TASK_SOURCE_SHA256")
    entry, arguments = ("", {}) if words else (_needed(environment, "TASK_ENTRY"), _arguments(environment))
    start_up(hooks)
    files = read_archive(fetch(_needed(environment, "OBJECT_STORE_BUCKET"), key), key)
    found = tree_hash(files)
    if found != expected:
        raise CannotRunError(f"{key} is not the code that this task was published with: hash {found}, not {expected}")
    with tempfile.TemporaryDirectory(prefix="task-source-") as folder:
        write_tree(files, Path(folder))
        if words:
            print(f"run_task: {words[0]} with {key}", flush=True)
            return command(words, folder)
        function = load(entry, Path(folder), arguments)
        print(f"run_task: {entry} of {key}", flush=True)
        result = function(**arguments)
    _hand_over(result, entry, xcom)
    return 0


def start_up(hooks: Path) -> None:
    """Run the executable files of a folder, by name."""
    for hook in sorted(path for path in hooks.glob("*") if path.is_file() and os.access(path, os.X_OK)):
        print(f"run_task: start-up hook {hook.name}", flush=True)
        if code := command([str(hook)], None):
            raise CannotRunError(f"the start-up hook {hook} failed with exit code {code}")


def command(words: Sequence[str], folder: str | None) -> int:
    """A command's exit code, as a shell tells it. It ends when this process is stopped."""
    # A stop that came while the command starts would end this process and leave the command, unknown to anybody.
    stops: list[int] = []
    handler = signal.signal(signal.SIGTERM, lambda number, _: stops.append(number))
    try:
        process = subprocess.Popen(words, cwd=folder)
    except (OSError, ValueError) as error:
        signal.signal(signal.SIGTERM, handler)
        raise CannotRunError(f"{words[0]!r} cannot be run: {error}") from None
    try:
        signal.signal(signal.SIGTERM, handler)
        for number in stops:
            signal.raise_signal(number)
        code = process.wait()
    except SystemExit:
        process.terminate()
        process.wait()
        raise
    return code if code >= 0 else 128 - code


def fetch(bucket: str, key: str) -> bytes:
    """An object's bytes. Faults that pass are tried again; what does not pass is told in one line."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    # Only S3 itself serves a bucket as a host name.
    style = "path" if os.environ.get("AWS_ENDPOINT_URL_S3") else "auto"
    config = Config(
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        s3={"addressing_style": style},
        connect_timeout=10,
        read_timeout=60,
    )
    try:
        answer = boto3.client("s3", config=config).get_object(Bucket=bucket, Key=key)
        if answer["ContentLength"] > MAXIMUM_BYTES:
            raise CannotRunError(f"s3://{bucket}/{key} is larger than {MAXIMUM_BYTES} bytes")
        content: bytes = answer["Body"].read()
    except ClientError as error:
        reason = error.response.get("Error", {})
        raise CannotRunError(f"s3://{bucket}/{key}: {reason.get('Code')}: {reason.get('Message')}") from error
    except BotoCoreError as error:
        raise CannotRunError(f"s3://{bucket}/{key}: {error}") from error
    return content


def read_archive(data: bytes, name: str) -> dict[str, tuple[bool, bytes]]:
    """Posix path -> (executable, content) of a gzipped tar that holds regular files and folders only."""
    inflater = zlib.decompressobj(GZIP_WINDOW)
    files: dict[str, tuple[bool, bytes]] = {}
    try:
        plain = inflater.decompress(data, MAXIMUM_BYTES + 1)
        if len(plain) > MAXIMUM_BYTES or not inflater.eof:
            raise CannotRunError(f"{name} is cut short, or larger than {MAXIMUM_BYTES} bytes unpacked")
        with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
            for member in archive:
                if member.isdir():
                    continue
                path = member.name
                if not member.isreg() or member.issparse() or {"", ".", ".."} & set(path.split("/")) or path in files:
                    raise CannotRunError(f"{name} holds {path!r}, which is no plain file inside it, or is there twice")
                if len(files) == MAXIMUM_FILES:
                    raise CannotRunError(f"{name} holds more than {MAXIMUM_FILES} files")
                reader = archive.extractfile(member)
                files[path] = (bool(member.mode & 0o100), reader.read() if reader else b"")
    except (zlib.error, tarfile.TarError, OverflowError) as error:
        raise CannotRunError(f"{name} is no gzipped tar archive: {error}") from error
    return files


def tree_hash(files: Mapping[str, tuple[bool, bytes]]) -> str:
    """The hash of a published tree's content: paths, execute bits and bytes, never those of the archive."""
    digest = hashlib.sha256(b"de-airflow-pipeline tree 1\n")
    for path in sorted(files, key=str.encode):
        name, (executable, content) = path.encode(), files[path]
        digest.update(b"%s %d %d\n" % (b"x" if executable else b"-", len(name), len(content)))
        digest.update(name)
        digest.update(content)
    return digest.hexdigest()


def write_tree(files: Mapping[str, tuple[bool, bytes]], folder: Path) -> None:
    """Write the files below a folder."""
    for path, (executable, content) in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(0o755 if executable else 0o644)


def load(entry: str, folder: Path, arguments: Mapping[str, Any]) -> Callable[..., Any]:
    """The function that ``entry`` names in the code below ``folder``, known to take the arguments."""
    found = ENTRY.fullmatch(entry)
    if not found:
        raise CannotRunError(f"TASK_ENTRY is {entry!r}, not module:function")
    module_name, function_name = found.groups()
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(folder))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        there = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))
        raise CannotRunError(f"no module {module_name!r} in the task's code; it has {', '.join(there)}") from None
    function = getattr(module, function_name, None)
    if not callable(function):
        raise CannotRunError(f"module {module_name!r} of the task's code has no function {function_name!r}")
    try:
        inspect.signature(function).bind(**arguments)
    except TypeError as error:
        raise CannotRunError(f"{entry} does not take the task's arguments: {error}") from None
    return function


def _needed(environment: Mapping[str, str], name: str) -> str:
    if not environment.get(name):
        raise CannotRunError(f"the environment variable {name} is not set; a generated DAG sets it")
    return environment[name]


def _arguments(environment: Mapping[str, str]) -> dict[str, Any]:
    text = environment.get("TASK_ARGUMENTS") or "{}"
    try:
        arguments = json.loads(text)
    except json.JSONDecodeError as error:
        raise CannotRunError(f"TASK_ARGUMENTS is not JSON: {error}") from None
    if not isinstance(arguments, dict):
        raise CannotRunError(f"TASK_ARGUMENTS is a JSON {type(arguments).__name__}, not an object")
    return arguments


def _hand_over(result: Any, entry: str, xcom: Path) -> None:
    if not xcom.is_dir():
        return
    try:
        text = json.dumps(result, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise CannotRunError(f"{entry} returned what is no JSON value, so it cannot be an XCom: {error}") from None
    partial = xcom / ".return.json"
    partial.write_text(text)
    partial.rename(xcom / "return.json")


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    # A container's first process has no default action for signals: without this, a stop takes the whole grace period.
    signal.signal(signal.SIGTERM, _stop)
    try:
        sys.exit(main(words=sys.argv[1:]))
    except CannotRunError as problem:
        print(f"run_task: {problem}", file=sys.stderr)
        sys.exit(2)
