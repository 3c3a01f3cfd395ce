"""A task's source is one folder: what two DAGs share stands in both."""

from pathlib import Path

DAGS = Path(__file__).parents[2] / "dags"


def test_the_two_copies_are_equal():
    one, other = (DAGS / folder / "bucket.py" for folder in ("cost_of_living", "lakehouse_summary"))
    assert one.read_bytes() == other.read_bytes()
