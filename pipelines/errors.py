"""What a user got wrong, told once and whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

LONGEST = 200
UNCHANGED = "nothing was changed"
PLACE = re.compile(r"(.*?):(\d+)(?::(\d+))?", re.DOTALL)


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in one place of the user's input: ``file`` is a path, ``path:line`` or ``path:line:column``."""

    file: str
    key: str
    found: str
    expected: str
    fix: str

    def __str__(self) -> str:
        return "\n".join(
            (
                f"{self.file}: {self.key}" if self.key else self.file,
                f"    found:    {self.found}",
                f"    expected: {self.expected}",
                f"    fix:      {self.fix}",
            )
        )


class InputError(Exception):
    """All problems of one input, in the order of files and lines; ``str()`` is the message a user reads.

    ``outcome`` is what became of the command.
    """

    def __init__(self, problems: Iterable[Problem], outcome: str = UNCHANGED) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems), key=_in_order))
        self.outcome = outcome
        super().__init__(self.problems)

    def __str__(self) -> str:
        count = len(self.problems)
        heading = "1 problem" if count == 1 else f"{count} problems"
        return "\n".join((f"{heading}, {self.outcome}:", *(str(problem) for problem in self.problems)))


def plain(text: str, longest: int = LONGEST) -> str:
    """A user's text, of one short line, in which nothing moves a terminal's cursor or turns the reading direction."""
    short = text if len(text) <= longest else f"{text[:longest]}... ({len(text)} characters)"
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape", "backslashreplace").decode()
        for character in short
    )


def problems_in(check: Callable[[], object]) -> tuple[Problem, ...]:
    """What a check raises as InputError, so that several checks can be told together."""
    try:
        check()
    except InputError as error:
        return error.problems
    return ()


def _in_order(problem: Problem) -> tuple[str, int, int, Problem]:
    """Line 9 before line 10."""
    found = PLACE.fullmatch(problem.file)
    file, line, column = found.groups() if found else (problem.file, None, None)
    return file, int(line or 0), int(column or 0), problem
