"""What a Python file defines, found in its syntax tree: nothing is imported and nothing runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from pipelines.errors import Problem

COMPOUND = (ast.If, ast.Try, ast.With)


def hand_written_files(root: Path) -> list[Path]:
    """``root/*.py``, sorted; a folder may have such a name too, and is none."""
    return sorted(path for path in root.glob("*.py") if path.is_file())


@lru_cache(maxsize=256)
def parsed(content: bytes, shown_as: str) -> tuple[ast.Module | None, list[Problem]]:
    """The tree, or why there is none."""
    try:
        return ast.parse(content), []
    except SyntaxError as error:
        place = f"{shown_as}:{error.lineno}" if error.lineno else shown_as
        return None, [Problem(place, "", error.msg, "Python", "correct it")]
    except (ValueError, RecursionError, MemoryError) as error:
        return None, [Problem(shown_as, "", str(error) or type(error).__name__, "Python", "correct it")]


def defined_names(tree: ast.Module) -> frozenset[str] | None:
    """What the module has at its top level; None when only importing it would tell (``import *``)."""
    names = {name for statement in _top_level(tree.body) for name in _bound(statement)}
    return None if "*" in names else frozenset(names)


def parameters(tree: ast.Module, function: str) -> ast.arguments | None:
    """Those of a function at the module's top level; None where more than one statement makes it, or a decorator."""
    found = [statement for statement in _top_level(tree.body) if not {function, "*"}.isdisjoint(_bound(statement))]
    is_one = len(found) == 1 and isinstance(found[0], ast.FunctionDef | ast.AsyncFunctionDef)
    return found[0].args if is_one and not found[0].decorator_list else None  # type: ignore[attr-defined]


def hand_written_dag_ids(tree: ast.Module) -> dict[str, int]:
    """``dag_id -> line`` of ``DAG("...")`` and ``@dag`` in a hand-written file, as far as they are literal."""
    ids: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node.func) == "DAG":
            ids.setdefault(_dag_id(node) or "", node.lineno)
        elif isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                call = decorator if isinstance(decorator, ast.Call) else None
                if called(call.func if call else decorator) == "dag":
                    ids.setdefault((_dag_id(call) if call else None) or node.name, node.lineno)
    ids.pop("", None)
    return ids


def _bound(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement defines in its module."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from ((alias.asname or alias.name).split(".")[0] for alias in statement.names)
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, COMPOUND):
            yield from _top_level(statement.body)
            yield from _top_level(getattr(statement, "orelse", []))
            for handler in getattr(statement, "handlers", []):
                yield from _top_level(handler.body)


def called(function: ast.expr) -> str:
    """The last name of what is called; nothing where it has none."""
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _dag_id(call: ast.Call) -> str | None:
    named = [keyword.value for keyword in call.keywords if keyword.arg == "dag_id"]
    for value in [*named, *call.args[:1]]:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return value.value
    return None
