"""Installed against locked: every difference, in either direction."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.installed import Distribution, Installed, SystemPackage, lock_differences, system_differences

names = st.text("abcdef", min_size=1, max_size=3)
versions = st.sampled_from(["1.0", "2.0", "3.0"])
tables = st.dictionaries(names, versions, max_size=5)


def of(table: dict[str, str]) -> Installed:
    return Installed(tuple(Distribution(name, version, "lib", "MIT") for name, version in table.items()))


@given(tables, tables)
def test_the_upstream_plus_the_locks_is_no_difference(shipped: dict[str, str], locked: dict[str, str]) -> None:
    assert [*lock_differences(of({**shipped, **locked}), of(shipped), locked, may_replace=True)] == []


@given(tables, tables, names)
def test_what_no_lock_has_is_told(shipped: dict[str, str], locked: dict[str, str], more: str) -> None:
    found = {**shipped, **locked, f"{more}-more": "9"}
    assert [*lock_differences(of(found), of(shipped), locked, may_replace=True)] == [
        f"{more}-more 9 is installed, no lock has it"
    ]


@given(tables, st.data())
def test_what_is_missing_is_told(locked: dict[str, str], data: st.DataObject) -> None:
    if not locked:
        return
    missing = data.draw(st.sampled_from(sorted(locked)))
    found = {name: version for name, version in locked.items() if name != missing}
    assert [*lock_differences(of(found), of({}), locked, may_replace=True)] == [
        f"{missing} {locked[missing]} is locked, none is installed"
    ]


@pytest.mark.parametrize(
    ("found", "may_replace", "told"),
    [
        ({"six": "2.0"}, True, []),
        ({"six": "2.0"}, False, ["six 1.0 of the upstream image is gone"]),
        ({"six": "3.0"}, True, ["six 2.0 is locked, 3.0 is installed", "six 3.0 is installed, 1.0, 2.0 is expected"]),
    ],
)
def test_only_a_task_image_may_replace_what_the_upstream_ships(
    found: dict[str, str], may_replace: bool, told: list[str]
) -> None:
    assert [*lock_differences(of(found), of({"six": "1.0"}), {"six": "2.0"}, may_replace)] == told


def test_versions_are_compared_as_versions() -> None:
    assert [*lock_differences(of({"six": "1.0"}), of({}), {"six": "1.0.0"}, may_replace=True)] == []


def test_declared_debian_packages_are_there_in_their_version() -> None:
    image = Installed(system=(SystemPackage("jq", "1.7.1-6", "amd64", ""),))
    assert [*system_differences(image, ("jq=1.7.1-6",))] == []
    assert [*system_differences(image, ("jq=1.8", "r-base=4"))] == [
        "jq=1.8 is declared, 1.7.1-6 is installed",
        "r-base=4 is declared, none is installed",
    ]
