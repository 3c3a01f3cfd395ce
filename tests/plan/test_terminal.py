"""Nothing of an explanation is cut."""

import io

import pytest
from rich.console import Console

from plan.document import Document, Entry, Quoted, Section
from plan.terminal import show

LONG = " ".join(f"word{number}" for number in range(18))
DOCUMENT = Document("dev", (("summary",),), (Section("risks", "risks", (Entry((Quoted(LONG),), ((LONG,),)),)),))


@pytest.mark.parametrize("width", [40, 80])
def test_long_lines_are_folded_and_never_cut(width: int) -> None:
    stream = io.StringIO()
    show(DOCUMENT, Console(file=stream, width=width, highlight=False))
    shown = [word for word in stream.getvalue().split() if word.startswith("word")]
    assert shown == [*LONG.split(), *LONG.split()]
