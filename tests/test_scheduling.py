"""Who takes which tests."""

from __future__ import annotations

import pytest
from xdist.remote import Producer

from tests.conftest import pytest_xdist_make_scheduler
from tests.scheduling import group_of

PLATFORM = ("tests/platform/test_rollout.py::test_a", "tests/registry/test_garbage.py::test_b[x]")
OTHERS = ("tests/pipelines/test_dag_code.py::test_a[a::b]", "tests/local/test_machine.py::test_b")


def test_all_that_is_on_the_platform_is_one_worker_s() -> None:
    assert {group_of(nodeid) for nodeid in PLATFORM} == {"platform"}
    assert [group_of(nodeid) for nodeid in OTHERS] == [one.partition("::")[0] for one in OTHERS]


def test_the_fast_suite_is_divided_as_xdist_does(pytestconfig: pytest.Config, monkeypatch) -> None:
    monkeypatch.setattr(pytestconfig.option, "dist", "worksteal")
    assert pytest_xdist_make_scheduler(pytestconfig, Producer("test")) is None
