"""What there was before a fault, and must be there after it: results in the bucket, and the version that is served."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Self

from tests.conftest import Deployed
from tests.platform.observed import api_of

RESULTS, DAG = "data/", "cost_of_living"


@dataclass(frozen=True)
class Earlier:
    """``results``: key -> sha256 of every object below ``data/``; ``served`` is the version that Airflow has."""

    results: dict[str, str]
    published: str
    served: object

    @classmethod
    def of(cls, deployed: Deployed) -> Self:
        return cls(_results(deployed), deployed.bucket.published_version(), _served(deployed))

    def assert_nothing_lost(self, deployed: Deployed) -> None:
        """Whatever has been published since."""
        assert self.results
        now = _results(deployed)
        assert {key: now.get(key) for key in self.results} == self.results

    def assert_untouched(self, deployed: Deployed) -> None:
        """Nothing was published either, and Airflow serves what it served."""
        self.assert_nothing_lost(deployed)
        assert deployed.bucket.published_version() == self.published
        assert _served(deployed) == self.served


def _results(deployed: Deployed) -> dict[str, str]:
    bucket = deployed.bucket
    return {key: hashlib.sha256(bucket.get(key)).hexdigest() for key in bucket.keys(RESULTS)}


def _served(deployed: Deployed) -> object:
    return api_of(deployed).dags()[DAG]["bundle_version"]
