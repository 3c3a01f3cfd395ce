"""A tree of files in an archive: reading it without trusting it, packing it, and the hash of its content.

The hash is of paths, execute bits and bytes, never of the archive: gzip's output differs between versions of zlib. The
same rule stands in ``pipelines.file_tree`` and in the task base's entry point, which cannot import this module; a test
compares them.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

MAXIMUM_BYTES = 100 * 1024 * 1024
MAXIMUM_FILES = 10_000
GZIP_WINDOW = 31
BYTECODE = "__pycache__"


class BadArchive(ValueError):  # noqa: N818 - it is what was found
    """An archive that is damaged, or that holds what no published tree holds."""


class File(NamedTuple):
    executable: bool
    content: bytes


def tree_hash(files: Mapping[str, File]) -> str:
    """Sixty-four hexadecimal digits over ``posix path -> file``."""
    digest = hashlib.sha256(b"de-airflow-pipeline tree 1\n")
    for path in sorted(files, key=str.encode):
        name, (executable, content) = path.encode(), files[path]
        digest.update(b"%s %d %d\n" % (b"x" if executable else b"-", len(name), len(content)))
        digest.update(name)
        digest.update(content)
    return digest.hexdigest()


def read_archive(data: bytes) -> dict[str, File]:
    """The regular files of a gzipped tar.

    Raises BadArchive for damage, for links, devices and sparse files, for paths that are absolute, climb, clash or
    hold bytecode, and beyond MAXIMUM_BYTES unpacked or MAXIMUM_FILES.
    """
    files: dict[str, File] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(_inflate(data)), mode="r:") as archive:
            for member in archive:
                if member.isdir():
                    continue
                path = _checked_path(member)
                if path in files:
                    raise BadArchive(f"{path!r} is there twice")
                if len(files) == MAXIMUM_FILES:
                    raise BadArchive(f"more than {MAXIMUM_FILES} files")
                reader = archive.extractfile(member)
                content = reader.read() if reader else b""
                if len(content) != member.size:
                    raise BadArchive(f"{path!r} is cut short")
                files[path] = File(bool(member.mode & 0o100), content)
    # The size in a damaged header may be beyond what can be read at all.
    except (tarfile.TarError, OverflowError) as error:
        raise BadArchive(f"not a tar archive: {error}") from None
    _refuse_files_as_folders(files)
    return files


def pack(files: Mapping[str, File]) -> bytes:
    """A gzipped tar of the files: no owner, no time, sorted."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, filename="") as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in sorted(files, key=str.encode):
            member = tarfile.TarInfo(path)
            member.mode = 0o755 if files[path].executable else 0o644
            member.size = len(files[path].content)
            archive.addfile(member, io.BytesIO(files[path].content))
    return buffer.getvalue()


def write_tree(files: Mapping[str, File], folder: Path) -> None:
    """Write the files below a folder that does not exist yet."""
    folder.mkdir(parents=True)
    for path, (executable, content) in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(0o755 if executable else 0o644)


def read_tree(folder: Path) -> dict[str, File]:
    """What lies below a folder, without the bytecode that importing leaves there."""
    return {
        path.relative_to(folder).as_posix(): File(bool(path.stat().st_mode & 0o100), path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file() and BYTECODE not in path.parts
    }


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj(GZIP_WINDOW)
    try:
        content = inflater.decompress(data, MAXIMUM_BYTES + 1)
    except zlib.error as error:
        raise BadArchive(f"not gzip: {error}") from None
    if len(content) > MAXIMUM_BYTES:
        raise BadArchive(f"more than {MAXIMUM_BYTES} bytes unpacked")
    if not inflater.eof:
        raise BadArchive("cut short")
    return content


def _checked_path(member: tarfile.TarInfo) -> str:
    path = member.name
    # A sparse file of a few bytes unpacks to any size.
    if not member.isreg() or member.issparse():
        raise BadArchive(f"{path!r} is neither a plain file nor a folder")
    parts = path.split("/")
    if not path or path.startswith("/") or "\\" in path or "\0" in path or {"", ".", ".."} & set(parts):
        raise BadArchive(f"{path!r} is no plain relative path")
    if BYTECODE in parts:
        raise BadArchive(f"{path!r} is bytecode")
    try:
        path.encode()
    except UnicodeEncodeError:
        raise BadArchive(f"{path!r} is not UTF-8") from None
    return path


def _refuse_files_as_folders(files: Mapping[str, File]) -> None:
    folders = {"/".join(path.split("/")[:depth]) for path in files for depth in range(1, path.count("/") + 1)}
    if clash := sorted(folders & files.keys()):
        raise BadArchive(f"{clash[0]!r} is both a file and a folder")
