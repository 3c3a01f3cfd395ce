"""A dump of the running stack's database, and back: what came after it is gone, what was there is there."""

from __future__ import annotations

import pytest

from local.backups import Backups
from local.progress import Progress
from tests.conftest import Deployed
from tests.platform.postgres import query

# Airflow stands still meanwhile, twice a minute on a small machine.
pytestmark = [pytest.mark.platform, pytest.mark.long]


def test_a_restore_takes_back_what_came_after_the_dump(deployed: Deployed) -> None:
    backups = Backups(deployed.client, deployed.settings, Progress())
    said = backups.make()
    key = said.rpartition(f"s3://{deployed.settings.object_store.bucket}/")[2]
    assert key in backups.keys().splitlines()
    before = query(deployed, "SELECT count(*) FROM dag")
    query(deployed, "CREATE TABLE came_after (a int)")
    assert backups.restore(key) == "restored"
    assert query(deployed, "SELECT to_regclass('came_after') IS NULL") == "t"
    assert query(deployed, "SELECT count(*) FROM dag") == before
