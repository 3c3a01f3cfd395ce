"""The header of a lock: what it says is read again, and any edit below it is found where it was made."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from pipelines.lock_header import LockHeader, Requirements, edited_line, read_header, with_header

words = st.text("abcdefghij-.=", min_size=1, max_size=12)
bodies = st.lists(
    st.tuples(words, st.lists(words.map(lambda word: f"    {word}"), max_size=3)), min_size=1, max_size=8
).map(lambda blocks: "".join("\n".join([first, *rest]) + "\n" for first, rest in blocks))
requirements = st.builds(
    Requirements, st.lists(words, max_size=4).map(tuple), words, st.just(("linux/amd64",)), st.lists(words).map(tuple)
)


@given(requirements, bodies, st.sampled_from(["", "a" * 64]))
def test_what_is_written_is_read(wanted: Requirements, body: str, inventory: str) -> None:
    text = with_header(wanted, body, inventory)
    header = read_header(text)
    assert header.requirements_sha256 == wanted.sha256
    assert header.resolved_for == wanted.resolved_for
    assert header.inventory_sha256 == inventory
    assert text.split("\n", header.lines)[header.lines] == body
    assert edited_line(text, header) is None


@given(requirements, bodies, st.data())
def test_a_changed_line_is_found_by_its_requirement(wanted: Requirements, body: str, data: st.DataObject) -> None:
    text = with_header(wanted, body)
    header = read_header(text)
    lines = text.split("\n")
    changed = data.draw(st.integers(header.lines, len(lines) - 2))
    lines[changed] += "0"
    found = edited_line("\n".join(lines), header)
    begin = max(number for number in range(header.lines, changed + 1) if not lines[number][0].isspace())
    # Equal requirements that follow each other cannot be told apart.
    assume(len({*header.marks}) == len(header.marks))
    assert found == begin + 1


@given(requirements, bodies, words)
def test_a_line_more_is_found(wanted: Requirements, body: str, more: str) -> None:
    text = with_header(wanted, body)
    assume(more not in body)
    assert edited_line(f"{text}{more}\n", read_header(text)) == text.count("\n") + 1


@given(requirements, bodies)
def test_a_body_without_its_end_is_found(wanted: Requirements, body: str) -> None:
    text = with_header(wanted, body)
    header = read_header(text)
    assert edited_line("\n".join(text.split("\n")[: header.lines]) + "\n", header) is not None


@given(st.text())
def test_any_text_has_a_header(text: str) -> None:
    header = read_header(text)
    assert (edited_line(text, header) is None) == (header.body_sha256 != "")


@given(requirements, words)
def test_the_hash_is_of_the_set_of_pins(wanted: Requirements, more: str) -> None:
    pins = wanted.dependencies
    assert Requirements(tuple(reversed(pins)), wanted.requires_python).sha256 == (
        Requirements(pins, wanted.requires_python).sha256
    )
    others = (
        Requirements((*pins, more), wanted.requires_python),
        Requirements(pins, f"{wanted.requires_python}!"),
        Requirements(pins, wanted.requires_python, source_distributions=(more,)),
    )
    assert len({other.sha256 for other in (*others, Requirements(pins, wanted.requires_python))}) == 4


def test_no_line_no_header() -> None:
    assert read_header("inflect==7.5.0\n") == LockHeader()
