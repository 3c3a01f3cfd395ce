"""What hand-written DAG files ask of the catalog, found in their syntax tree: nothing is imported and nothing runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from pipelines.catalog import Catalog, profile_problems
from pipelines.dag_source_code import bindings, called, hand_written_files, parsed
from pipelines.errors import Problem
from pipelines.strict_yaml import MOST_PROBLEMS
from pipelines.validation import listed, nearest

MODULE = "airflow_runtime.catalog"
FUNCTIONS = ("image", "pod_template")
OPERATOR = "KubernetesPodOperator"
TEMPLATE = "pod_template_file"
#: Where a pod template is given -> the profile of the images whose template is of use there.
PROFILE_AT = {OPERATOR: "task", "executor_config": "worker"}


def catalog_problems(root: Path, catalog: Catalog) -> dict[str, list[Problem]]:
    """File of ``root`` -> its first problems: image types that are not there, and templates of the other profile.

    Only what is literal is seen, and only calls that ask this catalog and nothing else.
    """
    found = {}
    for path in hand_written_files(root):
        shown_as = f"{root.name}/{path.name}"
        tree, _ = parsed(path.read_bytes(), shown_as)
        if tree is not None and (names := _imported(tree)):
            found[shown_as] = list(islice(_problems(tree, names, shown_as, catalog), MOST_PROBLEMS))
    return found


def _imported(tree: ast.Module) -> dict[str, str]:
    """Name in the file -> function of the catalog, where the name is nothing else."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == MODULE]
    names = {alias.asname or alias.name: alias.name for node in imports for alias in node.names}
    made = bindings(tree)
    return {name: function for name, function in names.items() if function in FUNCTIONS and len(made[name]) == 1}


def _problems(tree: ast.Module, names: dict[str, str], shown_as: str, catalog: Catalog) -> Iterator[Problem]:
    known = sorted(catalog.images)
    templates = {id(value): place for place, value in _templates(tree)}
    for call in _calls(tree):
        function = names.get(call.func.id) if isinstance(call.func, ast.Name) else None
        type_ = _literal(call) if function else None
        if type_ is None:
            continue
        place = f"{shown_as}:{call.lineno}:{call.col_offset + 1}"
        if type_ not in known:
            yield Problem(place, "", repr(type_), f"one of {listed(known)}", nearest(type_, known) or "name another")
        elif id(call) in templates and function == "pod_template":
            at = templates[id(call)]
            yield from profile_problems(catalog, type_, PROFILE_AT[at], f"the template of {at}", (place, ""))


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    """Every call but those whose failure the file itself expects."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call):
            yield node
        if isinstance(node, ast.Try | ast.TryStar) and node.handlers:
            waiting += [*node.handlers, *node.orelse, *node.finalbody]
        else:
            waiting += ast.iter_child_nodes(node)


def _templates(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """(where, what) of every pod template that is given to the operator or to the executor."""
    for call in [node for node in ast.walk(tree) if isinstance(node, ast.Call)]:
        for keyword in call.keywords:
            if keyword.arg == TEMPLATE and called(call.func) == OPERATOR:
                yield OPERATOR, keyword.value
            elif keyword.arg == "executor_config" and isinstance(keyword.value, ast.Dict):
                for key, value in zip(keyword.value.keys, keyword.value.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == TEMPLATE:
                        yield "executor_config", value


def _literal(call: ast.Call) -> str | None:
    """The type, where nothing else is said: ``beside`` names another catalog."""
    values = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "type_")]
    if len(values) != 1 or len(call.args) + len(call.keywords) != 1:
        return None
    [value] = values
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None
