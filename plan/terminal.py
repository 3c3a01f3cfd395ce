"""The same document in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from plan.document import Document, Line, Quoted, some, spread
from plan.escaping import plain

MOST = 200


def show(document: Document, console: Console) -> None:
    """Print it; entries beyond some hundreds are counted."""
    console.print(Text(f"Plan of {plain(document.stack)}", style="bold"))
    for line in document.summary:
        console.print(_text(line))
    for section in document.sections:
        tree = Tree(Text(f"{section.title} ({len(section.entries)})", style="bold"))
        entries, more = some(spread(section.entries), MOST)
        for entry in entries:
            branch = tree.add(_text(entry.line))
            for line in entry.below:
                branch.add(_text(line))
        if more:
            tree.add(Text(f"and {more} more {section.unit}"))
        console.print(tree)


def _text(line: Line) -> Text:
    text = Text()
    for span in line:
        text.append(
            plain(span.text) if isinstance(span, Quoted) else span.replace("**", ""),
            "cyan" if isinstance(span, Quoted) else "",
        )
    return text
