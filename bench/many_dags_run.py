"""Builds the DAGs below the folder given into its folder ``built``."""

from __future__ import annotations

import sys
from pathlib import Path

from commands.dag_build import write
from pipelines.dag_config import load_dags
from pipelines.dag_tree import published_tree
from tests.pipelines.trees import catalog

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    known = catalog()
    tree = published_tree(load_dags(folder / "dags", known), known, folder / "dags")
    sys.stdout.write(f"{len(write(folder / 'built', tree.files).changed)}\n")
