"""The stand-in for the official Airflow chart, and what tells the two apart."""

from pathlib import Path

STAND_IN = Path(__file__).parent / "airflow-stand-in"
TABLE = Path(__file__).parents[2] / "docs" / "stand-in-chart.md"
