"""The lines above a lock's body: what it was resolved from, and hashes by which an edit of it is found offline.

# requirements-sha256: <64 hex>          the pins, Python and exceptions that it was resolved from
# resolved-for: Python ==3.13.*, linux/amd64
# inventory-sha256: <64 hex>             of what the base ships, where the lock was resolved under it
# body-sha256: <64 hex> <4 hex> ...      of all lines below; then a mark a requirement, to tell which was edited
"""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass

REQUIREMENTS = "requirements-sha256"
RESOLVED_FOR = "resolved-for"
INVENTORY = "inventory-sha256"
BODY = "body-sha256"
KEYS = (REQUIREMENTS, RESOLVED_FOR, INVENTORY, BODY)
MARK_DIGITS = 4


@dataclass(frozen=True)
class Requirements:
    """What a lock is resolved from, as the folder's ``pyproject.toml`` says it."""

    dependencies: tuple[str, ...]
    requires_python: str
    platforms: tuple[str, ...] = ("linux/amd64",)
    source_distributions: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """Sixty-four hexadecimal digits, the same for any order of the pins."""
        fields = [*sorted(self.dependencies), self.requires_python]
        fields += [f"from source: {name}" for name in sorted(self.source_distributions)]
        return hashlib.sha256("\n".join(fields).encode()).hexdigest()

    @property
    def resolved_for(self) -> str:
        return ", ".join((f"Python {self.requires_python}", *self.platforms))


@dataclass(frozen=True)
class LockHeader:
    """The values, each empty where its line is missing, and the number of lines that they take."""

    requirements_sha256: str = ""
    resolved_for: str = ""
    inventory_sha256: str = ""
    body_sha256: str = ""
    marks: tuple[str, ...] = ()
    lines: int = 0


def with_header(requirements: Requirements, body: str, inventory_sha256: str = "") -> str:
    """The whole text of a lock."""
    values = {
        REQUIREMENTS: requirements.sha256,
        RESOLVED_FOR: requirements.resolved_for,
        INVENTORY: inventory_sha256,
        BODY: " ".join((_sha256(body), *_marks(body))),
    }
    return "".join(f"# {key}: {value}\n" for key, value in values.items() if value) + body


def read_header(text: str) -> LockHeader:
    """What the first lines say; those that a lock of an older form lacks stay empty."""
    values: dict[str, str] = {}
    for line in text.split("\n"):
        key, colon, value = line.removeprefix("# ").partition(": ")
        if not (line.startswith("# ") and colon and key in KEYS):
            break
        values[key] = value.strip()
    body_sha256, *marks = values.get(BODY, "").split() or [""]
    return LockHeader(
        values.get(REQUIREMENTS, ""),
        values.get(RESOLVED_FOR, ""),
        values.get(INVENTORY, ""),
        body_sha256,
        tuple(marks),
        len(values),
    )


def edited_line(text: str, header: LockHeader) -> int | None:
    """The number of the first line of the first requirement that is not as it was resolved; None where all are.

    Where only marks are missing or wrong, it is the line of the hash.
    """
    body = text.split("\n", header.lines)[header.lines] if header.lines else text
    if _sha256(body) == header.body_sha256:
        return None
    blocks = _blocks(body)
    matcher = difflib.SequenceMatcher(None, header.marks, _marks(body), autojunk=False)
    for operation, _, _, begin, _ in matcher.get_opcodes():
        if operation != "equal" and header.marks:
            first = header.lines + 1
            return first + (blocks[begin][0] if begin < len(blocks) else max(body.count("\n") - 1, 0))
    return max(header.lines, 1)


def _marks(body: str) -> list[str]:
    return [_sha256(text)[:MARK_DIGITS] for _, text in _blocks(body)]


def _blocks(body: str) -> list[tuple[int, str]]:
    """(index of the first line, text) of every line that is not indented, with the indented ones below it."""
    found: list[tuple[int, list[str]]] = []
    for index, line in enumerate(body.split("\n")):
        if found and line[:1].isspace():
            found[-1][1].append(line)
        elif line:
            found.append((index, [line]))
    return [(index, "\n".join(lines)) for index, lines in found]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
