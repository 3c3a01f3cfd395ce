"""Text that anybody may have written, made such that it stays in its place: in Markdown, in a terminal, in a log."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 160
#: Controls, marks of direction and other invisible ones, lone surrogates, private use, line and paragraph separators.
_INVISIBLE = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


def plain(text: str, longest: int = LONGEST) -> str:
    """One line of visible characters, of bounded length; no command of a workflow's log.

    https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions: ``::name::``, once ``##[name]``.
    """
    cut = text if len(text) <= longest else f"{text[: longest - 1]}…"
    visible = "".join(_visible(character) for character in cut)
    # Also of three colons no two stay together.
    return re.sub(":(?=:)", ": ", visible).replace("##[", "## [")


def code(text: str, longest: int = LONGEST) -> str:
    """A Markdown code span that holds the text and nothing else of it acts.

    https://github.github.com/gfm/#code-spans: a longer run of backticks than any inside; no mention, link, HTML or
    emoji is read in it.
    """
    inside = plain(text, longest).replace("|", "¦") or " "
    runs = max((len(run) for run in _runs(inside)), default=0)
    fence = "`" * (runs + 1)
    pad = " " if inside.startswith("`") or inside.endswith("`") or (inside[0] == inside[-1] == " ") else ""
    return f"{fence}{pad}{inside}{pad}{fence}"


def _visible(character: str) -> str:
    if character == " " or not (unicodedata.category(character) in _INVISIBLE or character.isspace()):
        return character
    return f"\\u{{{ord(character):x}}}"


def _runs(text: str) -> list[str]:
    runs, run = [], ""
    for character in f"{text} ":
        if character == "`":
            run += character
        elif run:
            runs.append(run)
            run = ""
    return runs
