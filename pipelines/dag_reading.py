"""All DAG configs of a folder that have the right form, each with its source folder."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
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
    """The files of one or more task source folders, the hash of their content, and the folder that each came from."""

    files: Mapping[str, File]
    sha256: str
    folders: Mapping[str, str] = field(default_factory=dict)

    def shown(self, path: str) -> str:
        """A file as messages show it."""
        return f"{self.folders[path]}/{path}"


@dataclass(frozen=True)
class ReadConfig:
    """``file`` as messages and headers show it, ``sha256`` of its bytes; ``source`` is None when it is not there, and
    ``own_sources`` have that of the tasks that name another."""

    file: str
    sha256: str
    dag: Dag
    places: Mapping[str, Place]
    source: Source | None
    own_sources: Mapping[str, Source | None] = field(default_factory=dict)

    def source_of(self, task: str | None = None) -> Source | None:
        """Of a task, by its id, or of the DAG."""
        return self.own_sources.get(task, self.source) if task else self.source

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
    sources = _Sources(root, problems)
    for path in sorted(root.iterdir()) if root.is_dir() else ():
        if path.suffix not in SUFFIXES or path.name.startswith(".") or path.is_dir():
            continue
        shown_as = f"{root.name}/{path.name}"
        try:
            document, found = read_yaml(path, shown_as)
        except FileNotFoundError:
            found = [Problem(shown_as, "", "a link to nothing", "a DAG config", "remove it, or put the file there")]
            document = None
        problems += found
        if document is None:
            continue
        try:
            dag = Dag.model_validate(document.content)
        except ValidationError as error:
            problems += problems_of(error, Dag, shown_as, places=document.places, content=document.content)
            continue
        own = {name: sources.of(dag.folders_of(name)) for name in dag.with_own_source}
        configs.append(ReadConfig(shown_as, document.sha256, dag, document.places, sources.of(dag.folders_of()), own))
    return configs, problems


class _Sources:
    """Folders are read once, whoever names them."""

    def __init__(self, root: Path, problems: list[Problem]) -> None:
        self._root, self._problems = root, problems
        self._folders: dict[str, Mapping[str, File] | None] = {}
        self._known: dict[tuple[str, ...], Source | None] = {}

    def of(self, folders: tuple[str, ...]) -> Source | None:
        """Their files put together; None where one is not there."""
        if folders not in self._known:
            self._known[folders] = self._together(folders)
        return self._known[folders]

    def _together(self, folders: tuple[str, ...]) -> Source | None:
        files: dict[str, File] = {}
        came_from: dict[str, str] = {}
        for folder in folders:
            found = self._files(folder)
            if found is None:
                return None
            for path in sorted(found.keys() & files.keys()):
                if found[path] != files[path]:
                    expected = f"one file of that name where folders are put together: {came_from[path]}/ has another"
                    place = f"{self._shown(folder)}/{path}"
                    self._problems.append(Problem(place, "", path, expected, "rename one, or keep one"))
            files |= found
            came_from |= dict.fromkeys(found, self._shown(folder))
        return Source(files, tree_hash(files), came_from)

    def _shown(self, folder: str) -> str:
        return f"{self._root.name}/{folder}"

    def _files(self, folder: str) -> Mapping[str, File] | None:
        if folder not in self._folders:
            self._folders[folder] = self._read(folder)
        return self._folders[folder]

    def _read(self, folder: str) -> Mapping[str, File] | None:
        path = self._root / folder
        if not path.is_dir():
            return None
        try:
            return read_tree(path, self._shown(folder))
        except InputError as error:
            self._problems.extend(error.problems)
            return {}
