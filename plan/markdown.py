"""The comment of a pull request: bounded, and nothing in it acts but what stands here."""

from __future__ import annotations

from collections.abc import Sequence

from plan.document import Document, Entry, Line, Quoted, Section, spread
from plan.escaping import code

#: GitHub takes 65,536; https://github.com/orgs/community/discussions/27190. Counted in bytes: at least one a character.
LIMIT = 60_000
#: Room for the lines around a section.
AROUND = 200


def marker(stack: str) -> str:
    """The first line of a stack's comment, by which it is found again."""
    return f"<!-- de-airflow-pipeline plan: {''.join(c for c in stack if c.isalnum() or c in '-_')[:80]} -->"


def comment(document: Document, limit: int = LIMIT) -> str:
    """The Markdown of a stack's comment, at most ``limit`` bytes."""
    head = "\n".join((marker(document.stack), f"### Plan of {code(document.stack, 80)}", ""))
    head += "".join(f"\n{_line(line)}  " for line in document.summary) + "\n"
    texts = [[_entry(entry) for entry in spread(section.entries)] for section in document.sections]
    room = limit - len(head.encode())
    shares = _shares([sum(_size(text) for text in each) + AROUND for each in texts], room)
    parts = [
        _section(section, each, share) for section, each, share in zip(document.sections, texts, shares, strict=True)
    ]
    return head + "".join(parts)


def _section(section: Section, texts: Sequence[str], share: int) -> str:
    body, count, used = [], 0, AROUND
    for text in texts:
        if used + _size(text) > share:
            break
        body.append(text)
        used += _size(text)
        count += 1
    more = len(texts) - count
    if more:
        body.append(f"- and {more} more {section.unit}\n")
    title = f"{section.title} ({len(texts)})"
    if section.open:
        return f"\n#### {title}\n\n{''.join(body)}"
    # An empty line on both sides: Markdown is read again between the tags.
    return f"\n<details><summary>{title}</summary>\n\n{''.join(body)}\n</details>\n"


def _entry(entry: Entry) -> str:
    return f"- {_line(entry.line)}\n" + "".join(f"  - {_line(line)}\n" for line in entry.below)


def _line(line: Line) -> str:
    return "".join(code(span.text) if isinstance(span, Quoted) else span for span in line)


def _size(text: str) -> int:
    return len(text.encode())


def _shares(wanted: Sequence[int], room: int) -> list[int]:
    """Who wants little gets it whole, the others share what is left alike."""
    shares = [0] * len(wanted)
    left, open_ones = room, sorted(range(len(wanted)), key=lambda number: wanted[number])
    while open_ones:
        number = open_ones.pop(0)
        shares[number] = min(wanted[number], left // (len(open_ones) + 1))
        left -= shares[number]
    return shares
