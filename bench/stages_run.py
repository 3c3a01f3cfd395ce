"""One ``make up`` in this process, without smoke where ``--no-smoke`` follows; its stages as JSON to the file given."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

from local.machine import Machine
from local.progress import Progress
from local.up import up

if __name__ == "__main__":
    progress = Progress()
    began = time.monotonic()
    summary = up(Machine.here(), os.environ, progress, with_smoke="--no-smoke" not in sys.argv)
    result = {
        "seconds": time.monotonic() - began,
        "stages": [asdict(stage) for stage in progress.stages],
        "applied by": str(summary.choice),
        "changes": asdict(summary.counts),
    }
    Path(sys.argv[1]).write_text(json.dumps(result))
