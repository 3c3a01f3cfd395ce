"""Which licences packages may come under: ``images/licences.toml``, and what packages call them.

A package's own words are an SPDX expression (https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/), or older
ones of its classifiers, which ``[names]`` maps to identifiers.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from pipelines.errors import InputError, Problem
from pipelines.images import IMAGES

FILE = "licences.toml"
NOT_STATED = "not stated"
_TOKEN = re.compile(r"\s*(\(|\)|[^\s()]+)")


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    accepted: tuple[str, ...]
    names: Mapping[str, str] = {}


@dataclass(frozen=True)
class Licences:
    """What is accepted, identifiers in small letters; ``names`` maps a package's words to an expression."""

    accepted: frozenset[str]
    names: Mapping[str, str] = field(default_factory=dict)

    def accept(self, words: str) -> bool:
        """Whether the licence that a package states is accepted: of an OR any part, of an AND all."""
        found = self.names.get(words.strip(), words)
        if found.lower() in self.accepted:
            return True
        return _Expression(_TOKEN.findall(found), self.accepted).holds()


def read_licences(root: Path) -> Licences | None:
    """None where there is no list, and so no rule. Raises InputError."""
    path = root / IMAGES / FILE
    if not path.is_file():
        return None
    try:
        table = _Table.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (ValueError, ValidationError) as error:
        expected, fix = "accepted, a list of SPDX identifiers, and perhaps [names]", "correct it"
        raise InputError([Problem(f"{IMAGES}/{FILE}", "", " ".join(str(error).split()), expected, fix)]) from None
    return Licences(frozenset(one.lower() for one in table.accepted), table.names)


class _Expression:
    """``A OR B AND (C)``; AND binds closer. What is no expression holds not."""

    def __init__(self, tokens: list[str], accepted: frozenset[str]) -> None:
        self._tokens, self._accepted = [*reversed(tokens)], accepted

    def holds(self) -> bool:
        try:
            return self._any() and not self._tokens
        except IndexError:
            return False

    def _any(self) -> bool:
        found = self._all()
        while self._next("or"):
            found = self._all() or found
        return found

    def _all(self) -> bool:
        found = self._one()
        while self._next("and"):
            found = self._one() and found
        return found

    def _one(self) -> bool:
        token = self._tokens.pop()
        if token == "(":  # noqa: S105 - a bracket
            found = self._any()
            return self._tokens.pop() == ")" and found
        if self._next("with"):
            # An exception gives rights, it takes none: the licence alone decides.
            self._tokens.pop()
        return token.lower() in self._accepted

    def _next(self, word: str) -> bool:
        if self._tokens and self._tokens[-1].lower() == word:
            self._tokens.pop()
            return True
        return False
