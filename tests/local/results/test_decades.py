from decimal import Decimal

from local.results.decades import differences, expected_decades


def as_rows():
    return [vars(decade) for decade in expected_decades()]


def test_the_decades_are_those_of_the_series():
    decades = expected_decades()
    assert [(decade.decade, decade.quarters) for decade in decades] == [
        (1950, 4), (1960, 40), (1970, 40), (1980, 40), (1990, 40), (2000, 39),
    ]  # fmt: skip


def test_the_first_quarters_are_worked_out_by_hand():
    first = expected_decades()[0]
    # 1886.9, 1919.7, 1916.4, 1931.3 billion dollars of 2005 over 177.146, 177.830, 178.657, 179.386 million heads.
    assert abs(first.real_income_per_head - Decimal("10734.92")) < Decimal("0.01")
    # Prices of 1959 are 28.98, 29.15, 29.35, 29.37; those of 2005 are 193.8, 194.7, 199.2, 199.4.
    assert abs(first.cost_of_living - Decimal("100") * Decimal("29.2125") / Decimal("196.775")) < Decimal("0.0001")
    assert first.nominal_income_per_head < first.real_income_per_head


def test_right_rows_differ_in_nothing_and_rounding_is_no_difference():
    assert differences(as_rows()) == []
    rounded = [{key: round(float(value), 2) for key, value in row.items()} for row in as_rows()]
    assert differences(rounded) == []


def test_each_wrong_number_is_named():
    rows = as_rows()
    rows[2] = {**rows[2], "cost_of_living": rows[2]["cost_of_living"] + Decimal("0.01")}
    rows[4] = {key: value for key, value in rows[4].items() if key != "quarters"}
    assert differences(rows) == [
        "1970s: cost_of_living is 26.98243044085884893914369205, expected 26.97",
        "1990s: quarters is None, expected 40.00",
    ]
    assert differences(rows[:3]) == ["3 decades, expected 6"]


def test_income_deflated_twice_is_found():
    rows = [{**row, "nominal_income_per_head": row["real_income_per_head"]} for row in as_rows()]
    assert len(differences(rows)) == 6
