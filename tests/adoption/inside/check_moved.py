"""Run by Airflow's Python: every name of today in the table is there, and importing it is not deprecated."""

from __future__ import annotations

import importlib
import json
import os
import warnings

import pytest

NAMES = json.loads(os.environ["MOVED_NAMES"])


@pytest.mark.parametrize("full", NAMES)
def test_it_is_there(full):
    module, _, name = full.rpartition(".")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = getattr(importlib.import_module(module), name)
    assert found is not None
    told = [str(one.message) for one in caught if "eprecat" in str(one.message) and module in str(one.message)]
    assert told == []
