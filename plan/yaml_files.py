"""YAML that is the same bytes everywhere, in files whose names any file system takes."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import yaml

LONGEST_NAME = 150
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class _Dumper(yaml.CSafeDumper):
    """Text of several lines as a block; no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.CSafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def to_yaml(value: Any) -> bytes:
    """Sorted, UTF-8."""
    text: bytes = yaml.dump(value, Dumper=_Dumper, sort_keys=True, width=120, encoding="utf-8", allow_unicode=False)
    return text


def file_names(of: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Key -> ``<kind>.<name>.yaml`` of its type and name; a hash tells those apart whose names would be the same."""
    wanted = {key: f"{_safe(kind.rpartition(':')[2])}.{_safe(name)}" for key, (kind, name) in of.items()}
    # A file system may take upper and lower case for the same.
    often = Counter(name.lower() for name in wanted.values())
    return {
        key: f"{name}{f'.{_hash(key)}' if often[name.lower()] > 1 else ''}.yaml" for key, name in sorted(wanted.items())
    }


def _safe(name: str) -> str:
    safe = _UNSAFE.sub("-", name).strip(".")
    return safe if len(safe) <= LONGEST_NAME and safe else f"{safe[:LONGEST_NAME]}-{_hash(name)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
