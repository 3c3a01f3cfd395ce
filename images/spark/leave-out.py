"""Removes what /run/left-out.txt names from the installed PySpark; each pattern must name something."""

import importlib.util
import shutil
import sys
from pathlib import Path

patterns = [line for line in Path("/run/left-out.txt").read_text().splitlines() if line and not line.startswith("#")]
pyspark = Path(importlib.util.find_spec("pyspark").submodule_search_locations[0])
for pattern in patterns:
    found = sorted(pyspark.glob(pattern))
    if not found:
        sys.exit(f"left-out.txt: {pattern} names nothing in {pyspark}")
    for path in found:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
