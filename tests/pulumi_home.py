"""A Pulumi of a test's own: what it keeps, and where its cluster is, stand below one folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def environment(home: Path, path: str) -> dict[str, str]:
    """``path`` is where programs are looked for, after this Python's own."""
    return {
        "KUBECONFIG": str(home / "kubeconfig"),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), path)),
        "PULUMI_BACKEND_URL": f"file://{home / 'backend'}",
        "PULUMI_CONFIG_PASSPHRASE": "passphrase",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_HOME": str(home / "pulumi"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "TMPDIR": str(home),
    }
