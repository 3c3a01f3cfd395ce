"""What hand-written DAG files ask of the catalog, found in their syntax tree: nothing is imported and nothing runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from pipelines.catalog import Catalog
from pipelines.dag_source_code import called, hand_written_files, parsed
from pipelines.errors import Problem
from pipelines.validation import listed, nearest

MODULE = "airflow_runtime.catalog"
FUNCTIONS = ("image", "pod_template")
OPERATOR = "KubernetesPodOperator"
TEMPLATE = "pod_template_file"
#: Where a pod template is given -> the profile of the images whose template is of use there.
PROFILE_AT = {OPERATOR: "task", "executor_config": "worker"}


def catalog_problems(root: Path, catalog: Catalog) -> dict[str, list[Problem]]:
    """File of ``root`` -> its problems: image types that are not there, and templates of the other profile.

    Only what is literal is seen.
    """
    found = {}
    for path in hand_written_files(root):
        shown_as = f"{root.name}/{path.name}"
        tree, _ = parsed(path.read_bytes(), shown_as)
        if tree is not None and (names := _imported(tree)):
            found[shown_as] = [*_problems(tree, names, shown_as, catalog)]
    return found


def _imported(tree: ast.Module) -> dict[str, str]:
    """Name in the file -> function of the catalog."""
    return {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == MODULE
        for alias in node.names
        if alias.name in FUNCTIONS
    }


def _problems(tree: ast.Module, names: dict[str, str], shown_as: str, catalog: Catalog) -> Iterator[Problem]:
    known = sorted(catalog.images)
    templates = {id(value): place for place, value in _templates(tree)}
    for node in ast.walk(tree):
        function = names.get(called(node.func)) if isinstance(node, ast.Call) else None
        type_ = _literal(node) if isinstance(node, ast.Call) and function else None
        if type_ is None:
            continue
        place = f"{shown_as}:{node.lineno}:{node.col_offset + 1}"  # type: ignore[attr-defined]
        if type_ not in known:
            yield Problem(place, "", repr(type_), f"one of {listed(known)}", nearest(type_, known) or "name another")
        elif id(node) in templates and function == "pod_template":
            yield from _profile_problems(place, type_, templates[id(node)], catalog)


def _profile_problems(place: str, type_: str, at: str, catalog: Catalog) -> Iterator[Problem]:
    profile, wanted = catalog.images[type_].profile, PROFILE_AT[at]
    if profile and profile != wanted:
        fitting = [name for name, image in sorted(catalog.images.items()) if image.profile == wanted]
        expected = f"the template of a {wanted} image for {at}: {', '.join(fitting) or 'there is none'}"
        yield Problem(place, "", f"{type_!r}, a {profile} image", expected, "name another image")


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
    values = [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "type_")]
    found = [one.value for one in values if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return found[0] if found else None
