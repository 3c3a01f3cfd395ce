"""One key of a committed stack file, written so that everything else stays as it was: comments, order, ciphertext."""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from infra.settings import PROJECT
from pipelines.errors import InputError, Problem


def edited(text: str, file: str, place: tuple[str, str], value: Any) -> str:
    """The stack file's text with ``place``, a part and a key of it, at this value; without the key where it is None.

    Raises InputError where the file has no config.
    """
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1 << 20
    # As Pulumi itself writes lists and mappings.
    yaml.indent(mapping=2, sequence=4, offset=2)
    document = yaml.load(text)
    config = document.get("config") if isinstance(document, CommentedMap) else None
    if not isinstance(config, CommentedMap):
        raise InputError([Problem(file, "config", "none", "a mapping of settings", "write one")])
    part, key = f"{PROJECT}:{place[0]}", place[1]
    inside = config.get(part)
    if (inside or {}).get(key) == value:
        return text
    if value is None:
        del inside[key]
        if not inside:
            del config[part]
    else:
        if inside is None:
            inside = config[part] = CommentedMap()
        inside[key] = value
    written = io.StringIO()
    yaml.dump(document, written)
    return written.getvalue()
