"""What a Python file defines, found in its syntax tree: nothing is imported and nothing runs."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipelines.errors import Problem
from pipelines.newer_syntax import is_newer

#: Nodes that bind a name which they hold as text.
NAMING = (
    *((ast.ExceptHandler, "name"), (ast.arg, "arg")),
    *((ast.MatchAs, "name"), (ast.MatchStar, "name"), (ast.MatchMapping, "rest")),
)
#: What has names of its own.
SCOPES = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)


def hand_written_files(root: Path) -> list[Path]:
    """``root/*.py``, sorted; a folder may have such a name too, and is none."""
    return sorted(path for path in root.glob("*.py") if path.is_file())


@lru_cache(maxsize=256)
def parsed(content: bytes, shown_as: str) -> tuple[ast.Module | None, list[Problem]]:
    """The tree, or why there is none; neither where only a newer Python, the images', can tell."""
    try:
        return ast.parse(content), []
    except SyntaxError as error:
        if is_newer(content):
            return None, []
        place = f"{shown_as}:{error.lineno}" if error.lineno else shown_as
        return None, [Problem(place, "", error.msg, "Python", "correct it")]
    except (ValueError, RecursionError, MemoryError) as error:
        return None, [Problem(shown_as, "", str(error) or type(error).__name__, "Python", "correct it")]


def defined_names(tree: ast.Module) -> frozenset[str] | None:
    """What the module has at its top level; None when only importing it would tell (``import *``)."""
    names = frozenset(name for name, made in bindings(tree).items() if any(place.at_top for place in made))
    return None if "*" in names else names


def definition(tree: ast.Module, function: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """A function of the module's top level, where nothing else makes that name, no decorator, and no ``import *``."""
    made = bindings(tree)
    found = made.get(function, ())
    if "*" in made or len(found) != 1 or not found[0].at_top:
        return None
    node = found[0].node
    is_plain = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.decorator_list
    return node if is_plain else None  # type: ignore[return-value]


@dataclass(frozen=True)
class Binding:
    """A node that binds a name; ``at_top`` where it does so as the module is imported."""

    node: ast.AST
    at_top: bool


@lru_cache(maxsize=256)
def bindings(tree: ast.Module) -> Mapping[str, Sequence[Binding]]:
    """Name -> all that makes it, anywhere in the file."""
    found: dict[str, list[Binding]] = {}
    waiting: list[tuple[ast.AST, bool]] = [(node, True) for node in tree.body]
    while waiting:
        node, at_top = waiting.pop()
        for name in _made_by(node):
            found.setdefault(name, []).append(Binding(node, at_top))
        below = at_top and not isinstance(node, SCOPES)
        waiting += [(child, below) for child in ast.iter_child_nodes(node)]
    return found


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


def _made_by(node: ast.AST) -> Iterable[str]:
    """The names that one node of a syntax tree binds, where it stands."""
    if isinstance(node, ast.Name):
        return () if isinstance(node.ctx, ast.Load) else (node.id,)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return (node.name,)
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).split(".")[0] for alias in node.names]
    if isinstance(node, ast.Global):
        return node.names
    name = next((getattr(node, field) for kind, field in NAMING if isinstance(node, kind)), None)
    return (name,) if name else ()


def called(function: ast.expr) -> str:
    """The last name of what is called; nothing where it has none."""
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _dag_id(call: ast.Call) -> str | None:
    named = [keyword.value for keyword in call.keywords if keyword.arg == "dag_id"]
    for value in [*named, *call.args[:1]]:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return value.value
    return None
