"""The content key of the folder given, as the program computes it."""

from __future__ import annotations

import sys
from pathlib import Path

from pipelines.content_key import Recipe, content_key
from pipelines.image_staging import hashed, members

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    entries = hashed(folder, members(folder, "context"))
    sys.stdout.write(content_key(Recipe("base", ("linux/amd64",), {}, ""), entries) + "\n")
