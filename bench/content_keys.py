"""Content keys of a large context against ``sha256sum`` over the same files."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import Figure, in_turn
from bench.program import PROJECT

FILES, TOTAL_BYTES, LIMIT = 5_000, 500_000_000, 3.0


def write_context(folder: Path) -> None:
    """5,000 files of 100 kB in 50 folders, the same bytes each time."""
    source = random.Random(20260101)  # noqa: S311
    for number in range(FILES):
        path = folder / f"{number % 50:02}" / f"{number:04}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.randbytes(TOTAL_BYTES // FILES))


def measure(runs: int = 5) -> dict[str, Figure]:
    """Both read the same files from a warm page cache."""
    os.environ["PYTHONPATH"] = str(PROJECT)
    with TemporaryDirectory() as folder:
        write_context(Path(folder))
        floor = ["sh", "-c", f"find {folder} -type f -print0 | sort -z | xargs -0 sha256sum"]
        ours = [sys.executable, "-m", "bench.content_keys_run", folder]
        return in_turn({"sha256sum": floor, "content key": ours}, runs)
