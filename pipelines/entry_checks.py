"""Whether the functions that a config names are in its source folder, and take what they are called with."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from pipelines.catalog import Catalog
from pipelines.dag_form import Dag, Task
from pipelines.dag_reading import ReadConfig, Source
from pipelines.dag_source_code import defined_names, definition, parsed
from pipelines.errors import Problem
from pipelines.validation import nearest


def entry_problems(config: ReadConfig, name: str, task: Task, catalog: Catalog) -> Iterator[Problem]:
    if task.entry:
        yield from _function_problems(config, f"tasks.{name}.entry", task.entry, name)
        yield from _parameter_problems(config, name, task.entry, task.keywords)


def _parameter_problems(config: ReadConfig, name: str, entry: str, given: Mapping[str, object]) -> Iterator[Problem]:
    """The function is called with the arguments by their names, as far as its syntax tells which it takes."""
    module, function = entry.split(":")
    _, tree, _ = _read(config.source_of(name), module)
    found = definition(tree, function) if tree else None
    if found is None:
        return
    takes = found.args
    by_name, in_order = [*takes.args, *takes.kwonlyargs], [*takes.posonlyargs, *takes.args]
    names = [one.arg for one in by_name]
    needed = [one.arg for one in in_order[: len(in_order) - len(takes.defaults)]]
    needed += [one.arg for one, default in zip(takes.kwonlyargs, takes.kw_defaults, strict=True) if default is None]
    key, expected = f"tasks.{name}.arguments", f"what {entry} takes by name: {', '.join(names) or 'none'}"
    for argument in () if takes.kwarg else given:
        if argument not in names:
            own = f"{key}.{argument}"
            fix = nearest(argument, names) or "remove it, or let the function take it"
            yield Problem(config.place(own), own, repr(argument), expected, fix)
    for argument in needed:
        if argument not in names:
            fix = "take it by name too, without the /"
            yield Problem(config.place(key), key, f"{argument!r} by position only", expected, fix)
        elif argument not in given:
            fix = f"add {argument}, or give it a default there"
            yield Problem(config.place(key), key, f"no {argument!r}", expected, fix)


def callback_problems(config: ReadConfig) -> Iterator[Problem]:
    holders: list[tuple[str | None, Dag | Task]] = [(None, config.dag), *config.dag.tasks.items()]
    for name, holder in holders:
        before = f"tasks.{name}." if name else ""
        for field in type(holder).model_fields:
            path = getattr(holder, field) if field.endswith("_callback") else None
            if path and ":" in path:
                yield from _function_problems(config, f"{before}{field}", path, name)
            elif path:
                yield from _plain_path_problems(config, f"{before}{field}", path, name)


def _plain_path_problems(config: ReadConfig, key: str, path: str, task: str | None) -> Iterator[Problem]:
    """What Airflow's own environment has, only Airflow knows; a module of the source folder is not there."""
    module, _, function = path.rpartition(".")
    source = config.source_of(task)
    if source and _file_of(source, module):
        found = f"{path!r}, a path in Airflow's own environment"
        expected = f"module:function for a function in {_shown_folders(config, task)}"
        yield Problem(config.place(key), key, found, expected, f"did you mean '{module}:{function}'?")


def _function_problems(config: ReadConfig, key: str, path: str, task: str | None) -> Iterator[Problem]:
    """``module:function`` is in the source folder, as far as its syntax tells."""
    source = config.source_of(task)
    if source is None or not source.files:
        return
    place = config.place(key)
    module, function = path.split(":")
    file, tree, wrong = _read(source, module)
    if file is None:
        modules = sorted(path[:-3].replace("/", ".") for path in source.files if path.endswith(".py"))
        expected = f"a module in {_shown_folders(config, task)}: {', '.join(modules) or 'there is none'}"
        fix = nearest(module, modules) or f"add {_files_of(module)[-1]}"
        yield Problem(place, key, f"no module {module!r}", expected, fix)
        return
    yield from wrong
    names = defined_names(tree) if tree else None
    if names is not None and function not in names:
        fix = nearest(function, sorted(names)) or f"define {function} there"
        yield Problem(place, key, f"no function {function!r}", f"a function that {file} defines", fix)
    elif tree and isinstance(definition(tree, function), ast.AsyncFunctionDef):
        expected = "a function that runs when it is called: nobody awaits this one"
        yield Problem(place, key, f"{function!r}, an async function", expected, "call asyncio.run in a plain one")


def _shown_folders(config: ReadConfig, task: str | None) -> str:
    return ", ".join(f"{folder}/" for folder in config.dag.folders_of(task))


def _files_of(module: str) -> tuple[str, str]:
    """In the order in which Python looks."""
    path = module.replace(".", "/")
    return f"{path}/__init__.py", f"{path}.py"


def _file_of(source: Source, module: str) -> str | None:
    return next((file for file in _files_of(module) if file in source.files), None)


def _read(source: Source | None, module: str) -> tuple[str | None, ast.Module | None, Sequence[Problem]]:
    """A module's file, its tree, and why there is none."""
    file = _file_of(source, module) if source else None
    if source is None or file is None:
        return None, None, ()
    return (file, *parsed(source.files[file].content, source.shown(file)))
