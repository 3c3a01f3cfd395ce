from __future__ import annotations

import pytest

from tests.plan import changes


@pytest.fixture(scope="session")
def planned(tmp_path_factory: pytest.TempPathFactory) -> changes.Planned:
    """The plan of the small repository, as ``base``, and of each of its changes."""
    root = tmp_path_factory.mktemp("history")
    changes.make(root)
    return changes.planned(root)
