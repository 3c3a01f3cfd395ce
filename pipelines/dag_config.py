"""Every DAG config of the repository, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.catalog import Catalog
from pipelines.dag_checks import config_problems, duplicates
from pipelines.dag_form import Dag
from pipelines.dag_reading import Source, read_configs
from pipelines.errors import InputError, Problem, plain
from pipelines.hand_written_checks import catalog_problems
from pipelines.stack_checks import Provision

__all__ = ["DAGS", "CheckedDags", "DagConfig", "Source", "check_dags", "load_dags"]

DAGS = Path("dags")
#: Characters of what was expected: it lists names.
LONGEST_EXPECTED = 4000


@dataclass(frozen=True)
class DagConfig:
    """A checked config: ``file`` as messages and headers show it, ``sha256`` of its bytes; ``own_sources`` of the tasks
    whose code is not the DAG's."""

    file: str
    sha256: str
    dag: Dag
    source: Source
    own_sources: Mapping[str, Source] = field(default_factory=dict)

    @property
    def dag_id(self) -> str:
        return self.dag.dag_id

    def source_of(self, task: str) -> Source:
        """The code of a task, by its id."""
        return self.own_sources.get(task, self.source)

    def published_as(self, task: str) -> str:
        """The folder of the published sources that holds it: a DAG's name holds no full stop."""
        return f"{self.dag_id}.{task}" if task in self.own_sources else self.dag_id

    @property
    def sources(self) -> Mapping[str, Source]:
        """Every folder of the published sources that it needs."""
        return {self.dag_id: self.source, **{self.published_as(task): own for task, own in self.own_sources.items()}}


@dataclass(frozen=True)
class CheckedDags:
    """``dags``, by dag_id, are those without a mistake; ``broken`` are files of ``dags/``, hand-written ones among
    them."""

    dags: tuple[DagConfig, ...]
    broken: frozenset[str]
    problems: tuple[Problem, ...]


def check_dags(root: Path, catalog: Catalog, provision: Provision | None = None) -> CheckedDags:
    """Every config in ``root`` (``dags/``), and all that is wrong with any of them."""
    read, problems = read_configs(root)
    wrong = duplicates(read, root)
    for file, found in catalog_problems(root, catalog).items():
        wrong[file] = [*wrong.get(file, ()), *found]
    for config in read:
        wrong[config.file] = [*wrong.get(config.file, ()), *config_problems(config, catalog, root, provision)]
    broken = frozenset(file for file, told in wrong.items() if told)
    good = [
        DagConfig(
            one.file, one.sha256, one.dag, one.source, {task: own for task, own in one.own_sources.items() if own}
        )
        for one in read
        if one.source and one.file not in broken
    ]
    unread = {problem.file.partition(":")[0] for problem in problems}
    told = (*problems, *(problem for found in wrong.values() for problem in found))
    return CheckedDags(
        tuple(sorted(good, key=lambda config: config.dag_id)), broken | unread, tuple(dict.fromkeys(map(_plain, told)))
    )


def _plain(problem: Problem) -> Problem:
    """What a config says is shown, never obeyed: not by a terminal either."""
    expected, fix = plain(problem.expected, LONGEST_EXPECTED), plain(problem.fix)
    return Problem(plain(problem.file, LONGEST_EXPECTED), plain(problem.key), plain(problem.found), expected, fix)


def load_dags(root: Path, catalog: Catalog, provision: Provision | None = None) -> tuple[DagConfig, ...]:
    """Every config in ``root``, by dag_id. Raises InputError with the problems of all of them."""
    checked = check_dags(root, catalog, provision)
    if checked.problems:
        raise InputError(checked.problems)
    return checked.dags
