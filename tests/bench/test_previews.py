"""What is made of the figures of both previews, and what the recorded ones say."""

from __future__ import annotations

import json

import pytest

from bench import previews, report

TAKEN = {
    "a change": {
        previews.ENGINE: [{"start": 1.0, "resources": 5.0}, {"start": 1.0, "resources": 7.0}, {"start": 2.0}],
        previews.ANEW: [{"plans": 3.0}, {"plans": 3.0}, {"plans": 3.0}],
        previews.KNOWN: [{"plans": 3.0}, {"plans": 2.0}, {"plans": 2.0}],
    }
}


def test_a_figure_a_stage_and_the_least_of_all_ratios() -> None:
    figures = {name: {way: previews.medians(each) for way, each in ways.items()} for name, ways in TAKEN.items()}
    engine = figures["a change"][previews.ENGINE]
    assert engine == {"seconds": 6.0, "stages": {"start": 1.0, "resources": 5.0}, "runs": 3}
    assert previews.slowest(figures) == pytest.approx(2.0)
    text = "\n".join(previews.table(figures))
    assert "| a change | plan diff, base known | 2.00 | 3.00 | plans 2.00 |" in text
    assert "Least: 2.00 x" in text


def test_the_recorded_plan_is_as_much_faster_as_it_has_to_be() -> None:
    recorded = json.loads((report.RESULTS / "results.json").read_text())["previews"]
    assert previews.slowest(recorded) >= previews.AT_LEAST
    assert {way for ways in recorded.values() for way in ways} == {previews.ENGINE, previews.ANEW, previews.KNOWN}
    assert all(len(found["stages"]) >= 3 for ways in recorded.values() for found in ways.values())
