"""Tables and trees on standard output: nothing is cut, whatever the terminal's width is said to be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

# Where nobody looks on (a pipe, a log), a cell is never cut.
UNLIMITED = 400


def unlimited() -> Console:
    """Standard output: a terminal folds at its width, anything else hardly ever."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=UNLIMITED)


def show(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """Print one table; cells are plain text."""
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    unlimited().print(table, markup=False)
