"""Content keys of a large context against ``sha256sum`` over the same files."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import in_turn
from bench.program import PROJECT
from bench.subject import Figures, Subject

FILES, TOTAL_BYTES, LIMIT = 5_000, 500_000_000, 3.0


def write_context(folder: Path) -> None:
    """5,000 files of 100 kB in 50 folders, the same bytes each time."""
    source = random.Random(20260101)  # noqa: S311
    for number in range(FILES):
        path = folder / f"{number % 50:02}" / f"{number:04}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.randbytes(TOTAL_BYTES // FILES))


def measure(runs: int = 5) -> Figures:
    """Both read the same files from a warm page cache."""
    os.environ["PYTHONPATH"] = str(PROJECT)
    with TemporaryDirectory() as folder:
        write_context(Path(folder))
        floor = ["sh", "-c", f"find {folder} -type f -print0 | sort -z | xargs -0 sha256sum"]
        ours = [sys.executable, "-m", "bench.content_keys_run", folder]
        found = in_turn({"sha256sum": floor, "content key": ours}, runs)
    return {name: figure.to_json() for name, figure in found.items()}


def table(figures: Figures) -> list[str]:
    ratio = figures["content key"]["seconds"] / figures["sha256sum"]["seconds"]
    lines = ["## Content keys: 500 MB in 5,000 files", "", "| | seconds | peak MB |", "| --- | ---: | ---: |"]
    for name, one in sorted(figures.items()):
        lines.append(f"| {name} | {one['seconds']:.2f} | {one['peak_memory'] / 1e6:.0f} |")
    return [*lines, "", f"{ratio:.2f} x `sha256sum`, at most {LIMIT:.0f}."]


SUBJECT = Subject("keys", "content keys", "content keys against sha256sum", measure, table)
