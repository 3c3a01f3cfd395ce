from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from local.python_environment import kept

pytestmark = pytest.mark.slow


def test_it_is_made_once_and_anew_for_other_contents(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = kept("trial", ["one"], (), "trial")
    made = (first.parents[1] / "ready").stat().st_mtime_ns
    assert subprocess.run([first, "-c", "import sys; assert sys.prefix != sys.base_prefix"], check=True)
    assert kept("trial", ["one"], (), "trial") == first
    assert (first.parents[1] / "ready").stat().st_mtime_ns == made
    assert kept("trial", ["another"], (), "trial") != first
    assert not first.exists()


def test_what_cannot_be_installed_is_told_and_tried_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"uv pip failed: .*nowhere"):
            kept("trial", [], [["--offline", str(tmp_path / "nowhere.whl")]], "trial")
