"""Every DAG config of the repository, checked: ``load_dags``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipelines.catalog import Catalog
from pipelines.dag_checks import dag_problems
from pipelines.dag_form import Dag
from pipelines.dag_reading import Source, read_configs
from pipelines.errors import InputError

__all__ = ["DAGS", "DagConfig", "Source", "load_dags"]

DAGS = Path("dags")


@dataclass(frozen=True)
class DagConfig:
    """A checked config: ``file`` as messages and headers show it, ``sha256`` of its bytes."""

    file: str
    sha256: str
    dag: Dag
    source: Source

    @property
    def dag_id(self) -> str:
        return self.dag.dag_id


def load_dags(root: Path, catalog: Catalog) -> tuple[DagConfig, ...]:
    """Every config in ``root`` (``dags/``), by dag_id. Raises InputError with the problems of all of them."""
    read, problems = read_configs(root)
    problems += dag_problems(read, catalog, root)
    if problems:
        raise InputError(problems)
    configs = [DagConfig(one.file, one.sha256, one.dag, one.source) for one in read if one.source]
    return tuple(sorted(configs, key=lambda config: config.dag_id))
