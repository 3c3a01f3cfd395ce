"""Whether a function takes what its task gives it."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.dag_config import check_dags
from tests.pipelines.trees import catalog, copy_tree

KNOWN = catalog()
#: Ways to make a name anew.
AGAIN = (
    "load, dump = map(wrap, (load, dump))",
    "[load] = [wrap(load)]",
    "load |= wrap",
    "for load in (wrap(load),): ...",
    "while True:\n    load = wrap(load)\n    break",
    "with wrap(load) as load: ...",
    "try: ...\nfinally:\n    load = wrap(load)",
    "print(load := wrap(load))",
    "def change():\n    global load\n    load = wrap(load)",
    "match wrap(load):\n    case load: ...",
    "match wrap(load):\n    case [*load]: ...",
    "match wrap(load):\n    case {**load}: ...",
    "del load",
)


@pytest.fixture
def dags(tmp_path: Path) -> Path:
    return copy_tree(tmp_path / "tree") / "dags"


def told(dags: Path, function: str, arguments: str) -> list[tuple[str, str, str]]:
    """(key, found, fix) of what is wrong with a task that calls ``function`` with ``arguments``."""
    (dags / "warehouse/warehouse.py").write_text(function)
    (dags / "warehouse.yaml").write_text(
        "dag_id: warehouse\nstart_date: 2026-01-01\nimage: letters\nsource: warehouse\n"
        f"tasks:\n  load: {{kind: pod, entry: 'warehouse:load', arguments: {arguments}}}\n"
    )
    problems = check_dags(dags, KNOWN).problems
    assert {problem.file.partition(":")[0] for problem in problems} <= {"dags/warehouse.yaml"}
    assert all("what warehouse:load takes by name: " in problem.expected for problem in problems)
    return [(problem.key, problem.found, problem.fix) for problem in problems]


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("def load(day): ...", "{day: x}"),
        ("def load(day, to='y'): ...", "{day: x}"),
        ("def load(day, *, to): ...", "{day: x, to: y}"),
        ("def load(**given): ...", "{anything: x}"),
        # What only importing it would tell.
        ("@wrapped\ndef load(): ...", "{day: x}"),
        ("from elsewhere import load", "{day: x}"),
        ("load = partial(other, 1)", "{day: x}"),
        ("try:\n    from fast import load\nexcept ImportError:\n    def load(): ...", "{day: x}"),
        ("from elsewhere import *\ndef load(): ...", "{day: x}"),
        ("if old:\n    def load(day): ...\nelse:\n    def load(to): ...", "{other: x}"),
        *((f"def load(day): ...\n{again}", "{other: x}") for again in AGAIN),
    ],
)
def test_what_may_be_right_is_let_through(dags: Path, function: str, arguments: str) -> None:
    assert told(dags, function, arguments) == []


@st.composite
def signatures(draw: st.DrawFn) -> str:
    """Of ``load``, with each kind of parameter."""
    names = iter(draw(st.permutations("abcdef")))
    by_position, in_between, by_name = draw(st.tuples(*[st.integers(0, 2)] * 3))
    has_default = False
    words: list[str] = []
    for number in range(by_position + in_between):
        has_default = has_default or draw(st.booleans())
        words += [next(names) + ("=1" if has_default else "")] + (["/"] if number + 1 == by_position else [])
    if by_name:
        words += [draw(st.sampled_from(["*", "*rest"]))]
        words += [next(names) + draw(st.sampled_from(["", "=1"])) for _ in range(by_name)]
    return f"def load({', '.join(words + draw(st.sampled_from([[], ['**more']])))}): ..."


@given(signature=signatures(), given_names=st.sets(st.sampled_from("abcdefgh")))
def test_it_is_told_just_where_python_would_refuse_the_call(signature: str, given_names: set[str]) -> None:
    made: dict[str, Any] = {}
    exec(signature, made)  # noqa: S102 - of names that stand above
    try:
        made["load"](**dict.fromkeys(given_names, 1))
        refused = False
    except TypeError:
        refused = True
    with TemporaryDirectory() as folder:
        dags = copy_tree(Path(folder) / "tree") / "dags"
        arguments = ", ".join(f"{name}: 1" for name in sorted(given_names))
        assert bool(told(dags, signature, f"{{{arguments}}}")) is refused


def test_a_name_that_is_mistyped_is_told_with_the_one_that_is_meant(dags: Path) -> None:
    assert told(dags, "def load(day, to='y'): ...", "{dya: x}") == [
        ("tasks.load.arguments.dya", "'dya'", "did you mean 'day'?"),
        ("tasks.load.arguments", "no 'day'", "add day, or give it a default there"),
    ]


def test_what_a_function_needs_by_name_only_is_missed_too(dags: Path) -> None:
    [(key, found, _)] = told(dags, "def load(day, *, to, more=1): ...", "{day: x}")
    assert (key, found) == ("tasks.load.arguments", "no 'to'")


def test_what_a_function_takes_by_position_only_it_cannot_be_given(dags: Path) -> None:
    assert told(dags, "def load(day, to='y', /): ...", "{day: x}") == [
        ("tasks.load.arguments.day", "'day'", "remove it, or let the function take it"),
        ("tasks.load.arguments", "'day' by position only", "take it by name too, without the /"),
    ]


def test_a_package_comes_before_the_module_of_its_name(dags: Path) -> None:
    (dags / "warehouse/warehouse").mkdir()
    (dags / "warehouse/warehouse/__init__.py").write_text("def load(day): ...")
    assert told(dags, "def load(other): ...", "{day: x}") == []


def test_what_nobody_awaits_is_refused(dags: Path) -> None:
    (dags / "warehouse/warehouse.py").write_text("async def load(run): ...")
    [problem] = check_dags(dags, KNOWN).problems
    assert (problem.key, problem.found) == ("tasks.load.entry", "'load', an async function")


def test_a_function_of_no_argument_is_given_none(dags: Path) -> None:
    [(key, _, fix)] = told(dags, "def load(): ...", "{day: x}")
    assert (key, fix) == ("tasks.load.arguments.day", "remove it, or let the function take it")
