from __future__ import annotations

from pathlib import Path

import pytest

from tests.bad_input.trees import small_copy


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a small copy of the repository."""
    copy = small_copy(tmp_path / "clone")
    monkeypatch.chdir(copy)
    return copy
