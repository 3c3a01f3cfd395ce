"""Refuses a kubeconfig that points elsewhere than the stack does, before anything is touched."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from pipelines.errors import InputError, Problem

REPAIR = "repair the file, or point KUBECONFIG at another"


def check(context: str, stack_file: str) -> None:
    """Raises InputError unless kubeconfig holds ``context`` and has it as its current context.

    ``KUBECONFIG`` is a list of files of which the first one that sets a value wins; without it, ``~/.kube/config``.
    """
    paths = _paths()
    label = os.pathsep.join(map(str, paths))
    current, known = _merged(paths)
    fix = f"kubectl config use-context {context}, or correct kubernetes.context in {stack_file}"
    if context not in known:
        found = f"{current or 'none'} is current; known: {', '.join(sorted(known)) or 'none'}"
        absent = f"point KUBECONFIG at the cluster of this stack, or correct kubernetes.context in {stack_file}"
        raise InputError([Problem(label, "contexts", found, f"the context {context} of {stack_file}", absent)])
    if current != context:
        expected = f"{context}, the context of {stack_file}"
        raise InputError([Problem(label, "current-context", current or "none", expected, fix)])


def current() -> str:
    """The current context, empty where there is none. Raises InputError when a kubeconfig cannot be read."""
    return _merged(_paths())[0]


def _paths() -> tuple[Path, ...]:
    listed = [Path(part) for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return tuple(listed) or (Path.home() / ".kube" / "config",)


def _merged(paths: tuple[Path, ...]) -> tuple[str, frozenset[str]]:
    current, known = "", set()
    for path in paths:
        document = _document(path)
        current = current or str(document.get("current-context") or "")
        entries = document.get("contexts") or []
        if not isinstance(entries, list) or not all(isinstance(entry, dict) and "name" in entry for entry in entries):
            raise InputError([Problem(str(path), "contexts", "no list of named contexts", "a kubeconfig", REPAIR)])
        known |= {str(entry["name"]) for entry in entries}
    return current, frozenset(known)


def _document(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        raise InputError([Problem(str(path), "", "no valid YAML", "a kubeconfig", REPAIR)]) from None
    except OSError as error:
        raise InputError([Problem(str(path), "", error.strerror or str(error), "a kubeconfig", REPAIR)]) from None
    return document if isinstance(document, dict) else {}
