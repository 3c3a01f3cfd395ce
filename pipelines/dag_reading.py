"""All DAG configs of a folder that have the right form, each with its source folder."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from pipelines.dag_form import Dag
from pipelines.errors import InputError, Problem
from pipelines.file_tree import File, read_tree, tree_hash
from pipelines.strict_yaml import Place, read_yaml
from pipelines.validation import place_of, problems_of

SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Source:
    """The files of a task source folder and the hash of their content."""

    files: Mapping[str, File]
    sha256: str


@dataclass(frozen=True)
class ReadConfig:
    """``file`` as messages and headers show it, ``sha256`` of its bytes; ``source`` is None when it is not there."""

    file: str
    sha256: str
    dag: Dag
    places: Mapping[str, Place]
    source: Source | None

    def place(self, key: str) -> str:
        """``file:line:column`` of a dotted key's value, or of the nearest key above."""
        return place_of(self.file, key, self.places)


@contextmanager
def _uncollected() -> Iterator[None]:
    """What is read stays, and has no cycles: looking for those again and again takes a fifth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@_uncollected()
def read_configs(root: Path) -> tuple[list[ReadConfig], list[Problem]]:
    """Those with the right form, and what is wrong with the others."""
    configs: list[ReadConfig] = []
    problems: list[Problem] = []
    sources: dict[str, Source | None] = {}
    for path in sorted(root.iterdir()) if root.is_dir() else ():
        if path.suffix not in SUFFIXES or path.name.startswith(".") or path.is_dir():
            continue
        shown_as = f"{root.name}/{path.name}"
        document, found = read_yaml(path, shown_as)
        problems += found
        if document is None:
            continue
        try:
            dag = Dag.model_validate(document.content)
        except ValidationError as error:
            problems += problems_of(error, Dag, shown_as, places=document.places, content=document.content)
            continue
        if dag.source not in sources:
            sources[dag.source] = _source(root / dag.source, f"{root.name}/{dag.source}", problems)
        configs.append(ReadConfig(shown_as, document.sha256, dag, document.places, sources[dag.source]))
    return configs, problems


def _source(folder: Path, shown_as: str, problems: list[Problem]) -> Source | None:
    if not folder.is_dir():
        return None
    try:
        files = read_tree(folder, shown_as)
    except InputError as error:
        problems += error.problems
        files = {}
    return Source(files, tree_hash(files))
