"""One YAML document, read safely, with the line of each key. Duplicate keys, anchors and aliases are refused."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipelines.errors import Problem

MAXIMUM_BYTES = 1 << 20


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
    node: yaml.Node, key: str, lines: dict[str, int], problems: list[Problem], seen: set[int], shown_as: str
) -> None:
    line = node.start_mark.line + 1
    if id(node) in seen:
        problems.append(Problem(shown_as, key, "an alias", "the value itself", "write it out"))
        return
    seen.add(id(node))
    lines.setdefault(key, line)
    if isinstance(node, yaml.ScalarNode) and not _encodable(node.value):
        problems.append(Problem(f"{shown_as}:{line}", key, "half of a surrogate pair", "text", "correct it"))
    if isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            _walk(item, f"{key}.{position}" if key else str(position), lines, problems, seen, shown_as)
    elif isinstance(node, yaml.MappingNode):
        names = set[str]()
        for name, value in node.value:
            text = str(name.value) if isinstance(name, yaml.ScalarNode) else "?"
            below = f"{key}.{text}" if key else text
            place = f"{shown_as}:{name.start_mark.line + 1}"
            if not isinstance(name, yaml.ScalarNode) or name.tag == "tag:yaml.org,2002:merge":
                problems.append(Problem(place, below, "no plain key", "a name", "write the keys out"))
            elif text in names:
                problems.append(Problem(place, below, "the key a second time", "each key once", "remove one of them"))
            else:
                names.add(text)
                _walk(value, below, lines, problems, seen, shown_as)
                lines[below] = name.start_mark.line + 1
