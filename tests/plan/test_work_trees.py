"""A commit's files in a folder of their own, and the byte code that goes with them."""

from __future__ import annotations

import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.errors import InputError
from plan.work_trees import files_of, share_bytecode
from tests.plan import changes, repository


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "clone"
    repository.write(root, {"a.py": "VALUE = 1\n", "b.py": "VALUE = 1\n", "run": "#!/bin/sh\n", "c/d.py": ""})
    (root / "run").chmod(0o755)
    (root / "link").symlink_to("a.py")
    changes.git(root, "init", "--quiet", "--initial-branch=base")
    changes.commit(root, "base")
    monkeypatch.chdir(root)
    return root


def test_they_are_the_commit_s_and_the_repository_learns_nothing(clone: Path) -> None:
    (clone / "a.py").write_text("VALUE = 2\n")
    (clone / "new.py").write_text("")
    known = subprocess.run(["git", "status", "--porcelain"], capture_output=True, check=True).stdout
    with files_of("base") as root:
        assert sorted(path.name for path in root.rglob("*")) == ["a.py", "b.py", "c", "d.py", "link", "run"]
        assert (root / "a.py").read_text() == "VALUE = 1\n"
        assert os.access(root / "run", os.X_OK)
        assert (root / "link").readlink() == Path("a.py")
        listed = subprocess.run(["git", "worktree", "list"], capture_output=True, check=True, text=True).stdout
        assert listed.count("\n") == 1
    assert not root.exists()
    assert subprocess.run(["git", "status", "--porcelain"], capture_output=True, check=True).stdout == known


def test_a_commit_that_cannot_be_read_is_told(clone: Path) -> None:
    with pytest.raises(InputError, match="a commit to check out"), files_of("0" * 40):
        pass


def test_modules_that_are_the_same_come_with_their_byte_code(clone: Path) -> None:
    for name in ("a.py", "b.py"):
        py_compile.compile(name)
    # As large as before, and of the same second.
    noted = (clone / "b.py").stat()
    (clone / "b.py").write_text("VALUE = 2\n")
    os.utime("b.py", ns=(noted.st_atime_ns, noted.st_mtime_ns))
    with files_of("base") as root:
        assert [path.name.partition(".")[0] for path in root.rglob("*.pyc")] == ["a"]
        command = [sys.executable, "-B", "-v", "-c", "import a, b; print(a.VALUE, b.VALUE)"]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "1 1\n"
    assert f"a.{sys.implementation.cache_tag}.pyc matches" in done.stderr


def test_a_link_s_target_is_left_alone(tmp_path: Path) -> None:
    here, there, other = (tmp_path / name for name in ("here", "there", "other.py"))
    for folder in (here, there):
        folder.mkdir()
    for file in (here / "a.py", other):
        file.write_text("VALUE = 1\n")
    py_compile.compile(str(here / "a.py"))
    os.utime(other, (1, 1))
    (there / "a.py").symlink_to(other)
    share_bytecode(here, there)
    assert other.stat().st_mtime == 1
    assert not (there / "__pycache__").exists()
