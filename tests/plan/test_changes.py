"""Recorded changes: what each is explained as, whole. ``python -m tests.plan.test_changes`` records them anew."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import pytest
import yaml

from plan.document import Document, Line, Quoted
from plan.explanation import explain
from tests.plan import changes

#: Of content and of what is generated: they change with this repository.
HASH = re.compile("[0-9a-f]{12,}|[0-9]+ bytes")
RECORDED = Path(__file__).with_name("changes.yaml")


def explanations(planned: changes.Planned) -> dict[str, list[str]]:
    """Change -> every line of its explanation."""
    return {name: lines(explain("dev", planned["base"], planned[name]), name) for name in changes.CHANGES}


def lines(document: Document, name: str) -> list[str]:
    """Without hashes and counts of bytes; of resources without fields; of what touches all of them its settings."""
    found = []
    for section in document.sections:
        for entry in section.entries:
            resources = section.title == "Resources"
            if name in changes.OF_EVERYTHING and section.title not in ("Images", "DAGs", "Settings"):
                continue
            found.append(f"{section.title}: {text(entry.line)}")
            found += [f"    {text(line)}" for line in entry.below if not resources]
    return [HASH.sub("#", line) for line in found]


def text(line: Line) -> str:
    return "".join(span.text if isinstance(span, Quoted) else span for span in line)


@pytest.fixture(scope="module")
def explained(planned: changes.Planned) -> dict[str, list[str]]:
    return explanations(planned)


@pytest.mark.slow
def test_every_change_has_the_recorded_explanation(explained: dict[str, list[str]]) -> None:
    recorded = yaml.safe_load(RECORDED.read_text())
    assert len(changes.CHANGES) >= 30
    assert explained.keys() == recorded.keys()
    assert {name: found for name, found in explained.items() if found != recorded[name]} == {}


@pytest.mark.slow
def test_nothing_is_told_twice(explained: dict[str, list[str]]) -> None:
    for name, found in explained.items():
        top = [line for line in found if not line.startswith("    ")]
        assert len(top) == len({*top}), name


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        changes.make(Path(folder))
        found = explanations(changes.planned(Path(folder)))
    RECORDED.write_text(yaml.safe_dump(found, sort_keys=False, width=200, allow_unicode=True))
    sys.stdout.write(f"{RECORDED}\n")
