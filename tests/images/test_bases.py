"""What both bases hold alike, and how an image's own part is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

BASES = Path(__file__).parents[2] / "images" / "bases"


def test_the_conda_base_installs_as_they_do() -> None:
    one, other = (BASES / base / "install_lock.py" for base in ("task", "elyra-conda"))
    assert one.read_bytes() == other.read_bytes()
    assert one.stat().st_mode & 0o100
    assert other.stat().st_mode & 0o100


@pytest.mark.parametrize("name", ["install_lock.py", "list-system-packages", "install-system-packages"])
def test_both_bases_install_alike(name: str) -> None:
    one, other = (BASES / base / name for base in ("task", "worker"))
    assert one.read_bytes() == other.read_bytes()
    assert one.stat().st_mode & 0o100
    assert other.stat().st_mode & 0o100
