"""``dbt build`` of the project beside this file; its artifacts go to the bucket, also when a test has failed."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import bucket

DAG_ID = "dbt_models"
PROJECT = Path(__file__).with_name("project")
ARTIFACTS = ("manifest.json", "run_results.json")
GOOD = {"success", "pass"}


def build(run_id: str) -> dict[str, object]:
    """Build and test every model. Returns how many nodes came to which state, and the artifacts' keys.

    Raises RuntimeError, which names what failed, when dbt does not succeed.
    """
    from dbt.cli.main import dbtRunner

    prefix = bucket.run_prefix(DAG_ID, run_id)
    with tempfile.TemporaryDirectory() as scratch:
        # dbt writes beside its project, and may find the code read-only.
        project, target = Path(scratch, "project"), Path(scratch, "target")
        shutil.copytree(PROJECT, project)
        where = ("--project-dir", project, "--profiles-dir", project, "--target-path", target, "--log-path", scratch)
        done = dbtRunner().invoke(["build", *map(str, where)])
        keys = {}
        for name in ARTIFACTS:
            if (target / name).exists():
                keys[name] = f"{prefix}/{name}"
                bucket.put(keys[name], (target / name).read_bytes(), "application/json")
        results = target / "run_results.json"
        found = json.loads(results.read_bytes())["results"] if results.exists() else []
    bad = [
        f"{result['unique_id']}: {result['status']}: {result['message']}"
        for result in found
        if result["status"] not in GOOD
    ]
    if not done.success or bad or not found:
        raise RuntimeError("\n".join(("dbt build failed:", *bad, str(done.exception or ""))))
    return {"states": dict(Counter(result["status"] for result in found)), **keys}
