from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from airflow_runtime.retention import GRACE, KEPT_VERSIONS, sources_to_remove, versions_to_remove

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ages = st.integers(min_value=0, max_value=10**6).map(lambda seconds: NOW - timedelta(seconds=seconds))
names = st.integers(min_value=0, max_value=300).map(lambda number: f"{number:064x}")


@given(st.dictionaries(names, ages, max_size=120), names, st.sets(names, max_size=5))
def test_a_version_goes_exactly_when_nothing_holds_it(written, current, named):
    gone = set(versions_to_remove(written, current, named, NOW))
    assert gone <= written.keys()
    assert not gone & {current, *named}
    assert all(written[version] < NOW - GRACE for version in gone)
    kept = written.keys() - gone
    assert len(kept) >= min(KEPT_VERSIONS, len(written))
    assert all(written[old] <= written[new] for old in gone for new in kept - {current, *named})
    old = {version for version in kept if written[version] < NOW - GRACE}
    assert len(old - {current, *named}) <= KEPT_VERSIONS


@given(st.dictionaries(names, ages, max_size=40), st.sets(names, max_size=40))
def test_a_source_goes_exactly_when_unreferred_and_old(written, referred):
    gone = set(sources_to_remove(written, referred, NOW))
    assert gone == {source for source in written if source not in referred and written[source] < NOW - GRACE}


def test_the_fifty_first_version_goes():
    written = {f"{number:064x}": NOW + timedelta(seconds=number) for number in range(KEPT_VERSIONS + 2)}
    later = NOW + timedelta(days=1)
    assert versions_to_remove(written, f"{0:064x}", set(), later) == (f"{1:064x}",)
    assert versions_to_remove(written, f"{0:064x}", {f"{1:064x}"}, later) == ()
    assert versions_to_remove(written, f"{0:064x}", set(), NOW + GRACE) == ()
