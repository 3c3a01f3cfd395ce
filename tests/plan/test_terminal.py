"""Nothing of an explanation is cut."""

import re

import pytest

from commands.tables import unlimited
from plan.document import Document, Entry, Quoted, Section
from plan.terminal import show

LONG = " ".join(f"word{number}" for number in range(18))
DOCUMENT = Document("dev", (("summary",),), (Section("risks", "risks", (Entry((Quoted(LONG),), ((LONG,),)),)),))


@pytest.mark.parametrize("terminal", [True, False])
def test_long_lines_are_folded_and_never_cut(
    terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TTY_COMPATIBLE", str(int(terminal)))
    show(DOCUMENT, unlimited())
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert [word for word in shown.split() if word.startswith("word")] == [*LONG.split(), *LONG.split()]
    assert (LONG in shown) is not terminal
