"""A question before what cannot be taken back."""

from __future__ import annotations

import sys

import typer

from pipelines.errors import InputError, Problem


def confirm(question: str, *, yes: bool) -> None:
    """Go on only after a yes. Raises InputError where there is nobody to ask."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise InputError([Problem("standard input", "", "no terminal", "a yes", "give --yes")])
    typer.confirm(question, abort=True)
