"""A build context: what belongs to an image folder, copied aside, so that what is hashed is what is built."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeVar

from pipelines.content_key import Entry
from pipelines.errors import InputError, Problem
from pipelines.ignore_rules import FILE as IGNORE_FILE
from pipelines.ignore_rules import IgnoreRules

CHUNK = 1 << 20
# Below this, threads cost more than they save.
WORTH_THREADS = 64
MODES = {"file": 0o644, "executable": 0o755}
THREADS = min(8, os.cpu_count() or 1)

Kind = Literal["file", "executable", "link"]
Result = TypeVar("Result")


@dataclass(frozen=True, order=True)
class Member:
    """A file or link of a folder: posix path relative to it."""

    path: str
    kind: Kind


def members(folder: Path, shown_as: str) -> tuple[Member, ...]:
    """What belongs to the build of ``folder``, sorted by path. Empty folders do not.

    Raises InputError for links that leave the folder, for devices, sockets and pipes, and for names that are not UTF-8.
    """
    ignore_file = folder / IGNORE_FILE
    rules = _rules(ignore_file.read_text(errors="replace") if ignore_file.is_file() else "")
    found: list[Member] = []
    problems: list[Problem] = []
    for path, entry in _walk(str(folder), "", rules):
        kind = _kind(entry)
        problem = _unfit(folder, path, kind)
        if problem:
            what, fix = problem
            problems.append(Problem(f"{shown_as}/{path}".encode(errors="replace").decode(), "", what, "a file", fix))
        elif kind:
            found.append(Member(path, kind))
    if problems:
        raise InputError(problems)
    return tuple(sorted(found))


@lru_cache(maxsize=64)
def _rules(text: str) -> IgnoreRules:
    """A thousand folders have a handful of different rules."""
    return IgnoreRules(text)


def hashed(folder: Path, of: tuple[Member, ...]) -> tuple[Entry, ...]:
    """The entries of a content key, read from ``folder``."""
    return _each(lambda member: Entry(member.path, member.kind, _digest(folder, member)), of)


def stage(source: Path, of: tuple[Member, ...], context: Path) -> tuple[Entry, ...]:
    """Make ``context`` hold exactly ``of``, with modes 0644 and 0755, and return the entries of what it holds.

    A context that holds just that is left alone, with its times. Otherwise a new one is written beside it and renamed:
    whoever is interrupted leaves the old context, or none, never half of one.
    """
    if context.is_dir() and _holds_exactly(context, of):
        compared = _each(lambda member: _digest_if_same(source, context, member), of)
        if None not in compared:
            same = zip(of, compared, strict=True)
            return tuple(Entry(member.path, member.kind, digest) for member, digest in same if digest)
    beside = context.parent / f".{context.name}.new"
    before = context.parent / f".{context.name}.old"
    for leftover in (beside, before):
        shutil.rmtree(leftover, ignore_errors=True)
    _make_folders(beside, of)
    entries = _each(lambda member: Entry(member.path, member.kind, _copied(source, beside, member)), of)
    if context.exists():
        context.rename(before)
    beside.rename(context)
    shutil.rmtree(before, ignore_errors=True)
    return entries


def _walk(folder: str, prefix: str, rules: IgnoreRules) -> Iterator[tuple[str, os.DirEntry[str]]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            path = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                if not rules.prunes(path):
                    yield from _walk(entry.path, f"{path}/", rules)
            elif not rules.ignores(path):
                yield path, entry


def _kind(entry: os.DirEntry[str]) -> Kind | None:
    mode = entry.stat(follow_symlinks=False).st_mode
    if stat.S_ISLNK(mode):
        return "link"
    if not stat.S_ISREG(mode):
        return None
    return "executable" if mode & stat.S_IXUSR else "file"


def _unfit(folder: Path, path: str, kind: Kind | None) -> tuple[str, str] | None:
    """(what was found, what to do) for a member that no context may hold."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return "a name that is not UTF-8", "rename it"
    if kind is None:
        return "neither a file nor a link", f"remove it, or name it in {IGNORE_FILE}"
    if kind != "link":
        return None
    target = os.readlink(folder / path)  # noqa: PTH115 - the text of the link, as it stands
    inside = os.path.normpath(os.path.join(os.path.dirname(path), target))  # noqa: PTH118, PTH120
    if os.path.isabs(target) or inside.split("/", 1)[0] == "..":  # noqa: PTH117
        return f"a link to {target}, outside of the image's folder", "copy what it points to into the folder"
    return None


def _holds_exactly(context: Path, of: tuple[Member, ...]) -> bool:
    """Whether a context has these members, each with the mode it is staged with, and nothing else."""
    wanted = {member.path: member.kind for member in of}
    for path, entry in _walk(str(context), "", _Everything()):
        kind = _kind(entry)
        if kind is None or wanted.pop(path, None) != kind:
            return False
        if kind != "link" and stat.S_IMODE(entry.stat(follow_symlinks=False).st_mode) != MODES[kind]:
            return False
    return not wanted


class _Everything(IgnoreRules):
    def __init__(self) -> None:
        pass

    def ignores(self, path: str) -> bool:
        return False

    def prunes(self, folder: str) -> bool:
        return False


def _make_folders(root: Path, of: Iterable[Member]) -> None:
    for folder in sorted({root, *((root / member.path).parent for member in of)}):
        folder.mkdir(parents=True, exist_ok=True)
    for name, _, _ in os.walk(root):
        os.chmod(name, 0o755)  # noqa: PTH101, S103 - the image has these modes


def _digest(folder: Path, member: Member) -> bytes:
    if member.kind == "link":
        return _link_digest(folder, member)
    with open(f"{folder}/{member.path}", "rb", buffering=0) as file:  # noqa: PTH123 - five thousand times
        return hashlib.file_digest(file, "sha256").digest()


def _link_digest(folder: Path, member: Member) -> bytes:
    return hashlib.sha256(os.readlink(f"{folder}/{member.path}").encode("utf-8", "surrogateescape")).digest()  # noqa: PTH115


def _digest_if_same(source: Path, context: Path, member: Member) -> bytes | None:
    """The digest of a file that is the same in both folders, read once from each; None where they differ."""
    if member.kind == "link":
        target = _link_digest(source, member)
        return target if target == _link_digest(context, member) else None
    digest = hashlib.sha256()
    with (
        open(f"{source}/{member.path}", "rb", buffering=0) as wanted,  # noqa: PTH123
        open(f"{context}/{member.path}", "rb", buffering=0) as staged,  # noqa: PTH123
    ):
        while True:
            chunk = wanted.read(CHUNK)
            if chunk != staged.read(CHUNK):
                return None
            if not chunk:
                return digest.digest()
            digest.update(chunk)


def _copied(source: Path, context: Path, member: Member) -> bytes:
    """Copy, and return the digest of what was written."""
    target = context / member.path
    if member.kind == "link":
        target.symlink_to(os.readlink(source / member.path))  # noqa: PTH115
        return _link_digest(context, member)
    digest = hashlib.sha256()
    with (source / member.path).open("rb") as wanted, target.open("xb") as written:
        while chunk := wanted.read(CHUNK):
            written.write(chunk)
            digest.update(chunk)
    target.chmod(MODES[member.kind])
    return digest.digest()


def _each(work: Callable[[Member], Result], of: tuple[Member, ...]) -> tuple[Result, ...]:
    if len(of) < WORTH_THREADS or THREADS == 1:
        return tuple(map(work, of))
    with ThreadPoolExecutor(THREADS) as pool:
        return tuple(pool.map(work, of))
