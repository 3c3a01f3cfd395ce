"""Call a task's code out of the ``sources/`` folder of the bundle that its DAG file came from."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

ENTRY = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)")
PACKAGE = "_task_source"


class SourceError(Exception):
    """The task's code is not where its DAG file says."""


def call(bundle_file: str, source: str, entry: str, arguments: Mapping[str, Any]) -> Any:
    """Return ``function(**arguments)`` for entry ``module:function`` in the folder ``sources/<source>`` beside
    ``bundle_file``.

    The DAG file lies in the version that the run was started with, and so does the code. The module gets a private
    name, what it imports from its folder is forgotten afterwards: two versions in one process never meet. Raises
    SourceError; what the function raises passes through.
    """
    with _function(bundle_file, source, entry) as function:
        return function(**arguments)


def call_back(bundle_file: str, source: str, path: str, context: Mapping[str, Any]) -> Any:
    """Return ``function(context)`` for ``module:function`` in the folder, as ``call`` finds it, or for
    ``package.module.function`` of Airflow's own environment.

    Raises SourceError, ImportError for a module and AttributeError for a function that is not there.
    """
    if ":" in path:
        with _function(bundle_file, source, path) as function:
            return function(context)
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)(context)


@contextmanager
def _function(bundle_file: str, source: str, entry: str) -> Iterator[Callable[..., Any]]:
    folder = Path(bundle_file).parent / "sources" / source
    if not folder.is_dir():
        raise SourceError(f"{folder} is not in this version of the DAGs")
    found = ENTRY.fullmatch(entry)
    if not found:
        raise SourceError(f"entry {entry!r} is not of the form module:function")
    module_name, function_name = found.groups()
    with _importable(folder):
        try:
            module = importlib.import_module(f"{PACKAGE}.{module_name}")
        except ModuleNotFoundError as error:
            if error.name and f"{PACKAGE}.{module_name}".startswith(error.name):
                raise SourceError(f"{folder} has no module {module_name!r}") from None
            raise
        function = getattr(module, function_name, None)
        if not callable(function):
            raise SourceError(f"module {module_name!r} in {folder} has no function {function_name!r}")
        yield function


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    package = ModuleType(PACKAGE)
    package.__path__ = [str(folder)]
    before = {name for name in sys.modules if not _belongs(name, sys.modules[name], folder)}
    sys.modules[PACKAGE] = package
    # A module of the folder may import its neighbours by their plain names, as it does in a pod of its own.
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            if _belongs(name, sys.modules[name], folder):
                del sys.modules[name]


def _belongs(name: str, module: ModuleType, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return name == PACKAGE or name.startswith(f"{PACKAGE}.") or bool(file and Path(file).is_relative_to(folder))
