"""What a user got wrong, told once and whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in one place of the user's input."""

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
    """All problems of one input, sorted; ``str()`` is the message a user reads."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems)))
        super().__init__(self.problems)

    def __str__(self) -> str:
        count = len(self.problems)
        heading = "1 problem" if count == 1 else f"{count} problems"
        return "\n".join((f"{heading}, nothing was changed:", *(str(problem) for problem in self.problems)))


def problems_in(check: Callable[[], object]) -> tuple[Problem, ...]:
    """What a check raises as InputError, so that several checks can be told together."""
    try:
        check()
    except InputError as error:
        return error.problems
    return ()
