"""Code of the images' Python, read by an older one."""

import sys
from pathlib import Path

import pytest

from pipelines import newer_syntax
from pipelines.dag_source_code import parsed
from pipelines.newer_syntax import is_newer

#: Of 3.12 and 3.13: https://docs.python.org/3/whatsnew/3.12.html
NEWER = (
    "print(f'{names['a']}')",
    "def load[T](given: T) -> T: ...",
    "type Rows = list[int]",
    "class Rows[T = int]: ...",
)
older = pytest.mark.skipif(sys.version_info >= (3, 13), reason="this Python knows all of it itself")


@older
@pytest.mark.parametrize("code", NEWER)
def test_what_the_images_run_is_let_through(code: str) -> None:
    assert is_newer(code.encode())
    assert parsed(code.encode(), "dags/a/b.py") == (None, [])


@pytest.mark.parametrize("code", [b"def load(:", b"print 'x'", b"x = (1,", b"\xff = 1", b"x = 1\0"])
def test_what_no_python_runs_is_told(code: bytes) -> None:
    tree, [problem] = parsed(code, "dags/a/b.py")
    assert tree is None
    assert problem.file.startswith("dags/a/b.py")


@older
def test_without_ruff_it_is_told_as_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(newer_syntax.sys, "executable", str(tmp_path / "python"))
    assert not is_newer(NEWER[0].encode())
