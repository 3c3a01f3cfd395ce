"""The references of all images below the folder given."""

from __future__ import annotations

import sys
from pathlib import Path

from pipelines.images import AirflowVersion, Repository, load_images

if __name__ == "__main__":
    found = load_images(Path(sys.argv[1]), Repository("ghcr.io", "acme", "x"), AirflowVersion("3.2.2", "3.13"))
    sys.stdout.write("\n".join(image.reference for image in found) + "\n")
