"""One YAML document, read safely, with the line of each key. Duplicate keys, anchors and aliases are refused."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipelines.errors import Problem

MAXIMUM_BYTES = 1 << 18
MAXIMUM_DEPTH = 40


@dataclass(frozen=True)
class Document:
    """``lines`` maps dotted keys (``tasks.extract.env``) to line numbers, from one; ``sha256`` of the file."""

    content: Any
    lines: Mapping[str, int]
    sha256: str


def read_yaml(path: Path, shown_as: str) -> tuple[Document | None, list[Problem]]:
    """The document, or what is wrong with it."""
    if path.stat().st_size > MAXIMUM_BYTES:
        return None, [Problem(shown_as, "", f"{path.stat().st_size} bytes", f"at most {MAXIMUM_BYTES}", "split it")]
    try:
        text = path.read_bytes()
        loader = yaml.SafeLoader(text)
        try:
            return _read(loader, hashlib.sha256(text).hexdigest(), shown_as)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        return None, [Problem(f"{shown_as}{line}", "", error.problem or "no YAML", "YAML", "correct it")]
    except yaml.YAMLError as error:
        return None, [Problem(shown_as, "", " ".join(str(error).split()), "YAML in UTF-8", "correct it")]
    except RecursionError:
        return None, [Problem(shown_as, "", "nested too deeply", "a DAG config", "correct it")]
    except ValueError as error:
        # PyYAML's own constructors: 2026-13-45 looks like a date.
        return None, [Problem(shown_as, "", str(error), "values that exist", "correct it, or quote it")]


def _read(loader: yaml.SafeLoader, sha256: str, shown_as: str) -> tuple[Document | None, list[Problem]]:
    node = loader.get_single_node()
    if node is None:
        return None, [Problem(shown_as, "", "nothing", "a DAG config", "write one, or remove the file")]
    lines: dict[str, int] = {}
    problems: list[Problem] = []
    _walk(node, "", lines, problems, set(), shown_as)
    return (None, problems) if problems else (Document(loader.construct_document(node), lines, sha256), [])


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _walk(
    node: yaml.Node,
    key: str,
    lines: dict[str, int],
    problems: list[Problem],
    seen: set[int],
    shown_as: str,
    depth: int = 0,
) -> None:
    line = node.start_mark.line + 1
    place = f"{shown_as}:{line}"
    if id(node) in seen:
        problems.append(Problem(shown_as, key, "an alias", "the value itself", "write it out"))
        return
    if depth > MAXIMUM_DEPTH:
        problems.append(Problem(place, "", "nested too deeply", f"at most {MAXIMUM_DEPTH} levels", "flatten it"))
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode) and not _encodable(node.value):
        problems.append(Problem(place, key, "half of a surrogate pair", "text", "correct it"))
    for below, number, child in _children(node, key, problems, shown_as):
        lines[below] = number
        _walk(child, below, lines, problems, seen, shown_as, depth + 1)


def _children(
    node: yaml.Node, key: str, problems: list[Problem], shown_as: str
) -> Iterator[tuple[str, int, yaml.Node]]:
    """(dotted key, line, node) of each item below a node."""
    prefix = f"{key}." if key else ""
    if isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            yield f"{prefix}{position}", item.start_mark.line + 1, item
    names = set[str]()
    for name, value in node.value if isinstance(node, yaml.MappingNode) else ():
        number, text = name.start_mark.line + 1, str(name.value)
        place = f"{shown_as}:{number}"
        if not isinstance(name, yaml.ScalarNode) or name.tag == "tag:yaml.org,2002:merge":
            problems.append(Problem(place, key, "a key that is no plain name", "a name", "write the keys out"))
        elif not _encodable(text):
            problems.append(Problem(place, key, "half of a surrogate pair in a key", "text", "correct it"))
        elif text in names:
            problems.append(Problem(place, f"{prefix}{text}", "the key a second time", "each key once", "remove one"))
        else:
            names.add(text)
            yield f"{prefix}{text}", number, value
