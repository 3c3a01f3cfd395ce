"""What a subject of the benchmark is: how it is measured, and how its figures are shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # it is slow to import, and reads where its caches belong
    from matplotlib.axes import Axes

#: As JSON holds them.
Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Subject:
    """``name`` on the command line, ``key`` in results.json.

    ``measure`` takes the number of counted runs; ``table`` gives lines of Markdown, ``draw`` fills one panel of the
    plot. ``needs`` is empty for what any machine measures within minutes; else it is measured only when named.
    """

    name: str
    key: str
    doing: str
    measure: Callable[[int], Figures]
    table: Callable[[Figures], list[str]]
    draw: Callable[[Axes, Figures], None] | None = None
    needs: str = ""
