"""Who takes which tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from xdist.remote import Producer

from tests.conftest import pytest_xdist_make_scheduler
from tests.scheduling import group_of, holds_none

PLATFORM = ("tests/platform/test_rollout.py::test_a", "tests/registry/test_garbage.py::test_b[x]")
OTHERS = ("tests/pipelines/test_dag_code.py::test_a[a::b]", "tests/local/test_machine.py::test_b")


def test_all_that_is_on_the_platform_is_one_worker_s() -> None:
    assert {group_of(nodeid) for nodeid in PLATFORM} == {"platform"}
    assert [group_of(nodeid) for nodeid in OTHERS] == [one.partition("::")[0] for one in OTHERS]


def test_the_fast_suite_is_divided_as_xdist_does(pytestconfig: pytest.Config, monkeypatch) -> None:
    monkeypatch.setattr(pytestconfig.option, "dist", "worksteal")
    assert pytest_xdist_make_scheduler(pytestconfig, Producer("test")) is None


@pytest.mark.parametrize(
    ("marks", "expression", "expected"),
    [
        ("pytestmark = pytest.mark.slow", "not slow and not cli", True),
        ("pytestmark = [\n    pytest.mark.platform,\n    pytest.mark.slow,\n]", "not slow", True),
        ("pytestmark = pytest.mark.slow", "not cli", False),
        ("pytestmark = pytest.mark.slow", "slow or not cli", False),
        ("pytestmark = pytest.mark.slow", "", False),
        ("@pytest.mark.slow", "not slow", False),
        ("pytestmark = pytest.mark.cli\n\n\n@pytest.mark.slow", "not slow", False),
    ],
)
def test_only_a_file_of_nothing_that_is_asked_for_is_left_out(
    tmp_path: Path, marks: str, expression: str, expected: bool
) -> None:
    file = tmp_path / "test_it.py"
    file.write_text(f"{marks}\ndef test_a() -> None: ...\n")
    assert holds_none(file, expression) is expected
