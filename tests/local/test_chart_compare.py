"""The comparison of the two charts, and the committed table it writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.chart import TABLE
from local.chart.accepted import ACCEPTED, reason, unused
from local.chart.compare import Comparison, helm_binary, program_comparison
from local.chart.objects import Difference, RenderError, differences, normalised
from local.chart.table import UNEXPLAINED, markdown

scalars = st.one_of(st.booleans(), st.integers(), st.text(min_size=1))
names = st.text(min_size=1, max_size=8)
trees = st.dictionaries(
    names,
    st.recursive(scalars, lambda inner: st.dictionaries(names, inner, min_size=1, max_size=3), max_leaves=4),
    min_size=1,
    max_size=3,
)


@given(trees)
def test_equal_objects_do_not_differ(tree: dict[str, Any]) -> None:
    assert differences({"Kind/a": tree}, {"Kind/a": tree}) == ()


@given(trees, st.data())
def test_a_missing_field_is_one_difference(tree: dict[str, Any], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(tree)))
    without = {name: value for name, value in tree.items() if name != key}
    (found,) = differences({"Kind/a": tree}, {"Kind/a": without})
    assert (found.object, found.field, found.stand_in) == ("Kind/a", key, None)
    assert found.official is not None


def test_a_missing_object_is_one_difference() -> None:
    assert differences({"Kind/a": {"x": 1}}, {}) == (Difference("Kind/a", "", '{"x": 1}', None),)


def test_order_unset_fields_and_defaults_do_not_count() -> None:
    first = {
        "kind": "Service",
        "metadata": {"annotations": {}},
        "spec": {"ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]},
    }
    second = {
        "kind": "Service",
        "spec": {"ports": [{"name": "b", "port": 2, "targetPort": 2}, {"name": "a", "port": 1, "protocol": "TCP"}]},
    }
    assert normalised(first) == normalised(second)


def test_order_of_a_command_counts() -> None:
    first, second = ({"kind": "Pod", "command": words} for words in (["a", "b"], ["b", "a"]))
    assert normalised(first) != normalised(second)


def test_settings_are_compared_key_by_key() -> None:
    def config(text: str) -> dict[str, Any]:
        return {"ConfigMap/c": normalised({"kind": "ConfigMap", "data": {"airflow.cfg": text}})}

    found = differences(config("[core]\na = 1\nurl = http://x:1/%d\n"), config("[core]\nurl = http://x:1/%d\na = 2\n"))
    assert [(item.field, item.official, item.stand_in) for item in found] == [("data.airflow.cfg.core.a", "1", "2")]


def test_a_difference_nobody_accepted_shows_in_the_table() -> None:
    strange = Difference("Deployment/airflow-scheduler", "spec.template.spec.hostNetwork", None, "true")
    assert reason(strange) is None
    page = markdown({"KubernetesExecutor": [strange]}, [strange.object])
    assert f"| absent | `true` | both | {UNEXPLAINED} |" in page


def test_a_cell_cannot_break_the_table() -> None:
    page = markdown({"both": [Difference("Kind/a", "field", "one|two\nthree", None)]}, ["Kind/a"])
    assert "`one\\|two\\nthree`" in page


def test_an_entry_without_a_difference_has_outlived_it() -> None:
    assert unused([]) == ACCEPTED


@pytest.fixture(scope="module")
def comparison(official_chart: Path) -> Comparison:
    try:
        helm = helm_binary()
    except RenderError as error:
        pytest.skip(str(error))
    return program_comparison(helm, official_chart)


@pytest.mark.chart
@pytest.mark.toolchain
def test_every_difference_has_a_reason_and_every_reason_a_difference(comparison: Comparison) -> None:
    assert comparison.unexplained == ()
    assert comparison.outlived == ()


@pytest.mark.chart
@pytest.mark.toolchain
def test_the_committed_table_is_fresh(comparison: Comparison) -> None:
    stale = "run: python -m local.chart.compare --write"
    assert TABLE.read_text(encoding="utf-8") == comparison.page, stale
