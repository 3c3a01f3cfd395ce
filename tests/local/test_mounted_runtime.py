from __future__ import annotations

from pathlib import Path

from infra import runtime
from local.mounted_runtime import link


def test_each_file_lies_where_pods_have_it(tmp_path: Path) -> None:
    folder = link(tmp_path / "runtime")
    assert link(folder) == folder
    files = runtime.read()
    assert {key: (folder / path).read_text() for key, path in files.paths.items()} == files.contents
    assert {path.name for path in folder.iterdir() if path.is_file()} == runtime.AT_THE_ROOT
