"""Files that are whole or absent."""

from __future__ import annotations

import os
import queue
import stat
import threading
from pathlib import Path

import pytest

from local import files


@pytest.fixture(params=[0o022, 0o077])
def _umask(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_umask")
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_modes_do_not_depend_on_the_umask(tmp_path: Path, mode: int) -> None:
    folder = files.folder(tmp_path / "a" / "b", 0o750)
    files.write(folder / "file", "text", mode)
    assert stat.S_IMODE((folder / "file").stat().st_mode) == mode
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750


def test_what_is_already_so_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "file"
    assert files.write(file, "text")
    inode = file.stat().st_ino
    assert not files.write(file, b"text")
    assert file.stat().st_ino == inode
    assert files.write(file, "text", 0o600)
    assert files.write(file, "other", 0o600)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_read_only_tree_is_removed_and_nothing_beyond_a_link(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    tree = tmp_path / "tree" / "deep" / "deeper"
    tree.mkdir(parents=True)
    (tree / "file").write_text("x")
    (tree / "link").symlink_to(kept)
    for directory in (tree, tree.parent):
        directory.chmod(0o500)
    files.remove(tmp_path / "tree")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (kept / "file").exists()
    files.remove(tmp_path / "absent")


def test_a_lock_is_held_by_one_and_the_other_is_told(tmp_path: Path) -> None:
    told: queue.Queue[str] = queue.Queue()
    second_in = threading.Event()

    def second() -> None:
        with files.locked(tmp_path / "lock", told.put):
            second_in.set()

    with files.locked(tmp_path / "lock", lambda holder: pytest.fail("nobody else holds it")):
        other = threading.Thread(target=second)
        other.start()
        assert told.get(timeout=5).startswith(f"process {os.getpid()} (")
        assert not second_in.wait(0.2)
    other.join(5)
    assert second_in.is_set()


def test_who_waited_for_a_lock_that_its_holder_removed_makes_it_anew(tmp_path: Path) -> None:
    lock, told, inside, leave = tmp_path / "state" / "lock", threading.Event(), threading.Event(), threading.Event()

    def second() -> None:
        with files.locked(lock, lambda holder: told.set()):
            inside.set()
            assert leave.wait(5)

    other = threading.Thread(target=second)
    with files.locked(lock):
        other.start()
        assert told.wait(5)
        files.remove(lock.parent)
    assert inside.wait(5)
    third: list[str] = []
    with files.locked(lock, lambda holder: (third.append(holder), leave.set())):
        assert len(third) == 1
    other.join(5)
