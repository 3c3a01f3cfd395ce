import duckdb
import pytest

from local.results.spark_aggregation import differences, expected_rows

pytestmark = pytest.mark.slow

# The same readings as one query.
QUERY = """
    SELECT CAST(id * 7919 % 37 AS INT), strftime(DATE '2024-01-01' + CAST(id * 104729 % 731 AS INT), '%Y-%m'),
        count(*), CAST(sum(tenths) AS BIGINT), min(tenths), max(tenths)
    FROM (SELECT id, id * id * 31 % 650 - 250 AS tenths FROM range(400000) AS readings(id)) GROUP BY 1, 2 ORDER BY 1, 2
"""


def test_the_rows_are_those_of_one_query():
    rows = expected_rows()
    assert rows == duckdb.sql(QUERY).fetchall()
    assert len(rows) == 37 * 24
    assert differences(list(reversed(rows))) == []


def test_a_wrong_row_is_named():
    rows = expected_rows()
    station, _, *rest = rows[5]
    assert differences([*rows[:5], (station, "1999-01", *rest), *rows[6:]]) == [
        f"row {(station, '1999-01', *rest)} should not be there"
    ]
    assert differences(rows[1:]) == ["887 rows, expected 888"]
