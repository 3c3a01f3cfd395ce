"""What became of each hostile file, read once for all tests."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.corpus import CANARY


@pytest.fixture(scope="session")
def read(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[dict[str, dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("hostile")
    command = [sys.executable, "-m", "tests.hostile.read_each", str(folder)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    yield {one["name"]: one for one in found}
    assert not Path(CANARY).exists()
