"""A task's source is one folder: what several DAGs share stands in each."""

from pathlib import Path

DAGS = Path(__file__).parents[2] / "dags"


def test_all_copies_are_equal():
    copies = [*DAGS.glob("*/bucket.py")]
    assert len(copies) > 1
    assert len({copy.read_bytes() for copy in copies}) == 1
