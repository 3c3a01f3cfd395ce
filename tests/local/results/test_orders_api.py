import json

from local.results import orders_api as results
from local.services.orders_api.orders import orders, summary


def lines(rows):
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def test_the_source_itself_is_right():
    assert results.differences(lines(orders())) == []


def test_every_kind_of_loss_is_told():
    rows = list(orders())
    assert results.differences(lines(rows[:-1])) == ["1236 lines, expected 1237"]
    assert "the last line does not end" in results.differences(lines(rows)[:-1])
    assert results.differences(lines([rows[1], rows[0], *rows[2:]]))[0].startswith("line 1 is ")
    assert results.differences(lines(rows).replace(b"{", b"", 1))[0].startswith("line 1 is no JSON")
    assert results.differences(b"\n") != []


def test_a_number_that_went_through_a_float_is_another():
    first = {**orders()[0], "reference": float(orders()[0]["reference"])}
    assert len(results.differences(lines([first, *orders()[1:]]))) == 1
    assert not results.same({"gift": 1}, {"gift": True})


def test_no_more_is_told_than_one_can_read():
    assert len(results.differences(lines(reversed(orders())))) == results.TOLD


def test_a_report_without_the_troubles_is_wrong():
    right = {**summary(), "retried": {"429": 1, "cut short": 1}}
    assert results.wrong_report(right) == []
    assert results.wrong_report({**right, "retried": {"429": 1}}) == [
        "retried is {'429': 1}, expected {'429': 1, 'cut short': 1}"
    ]
    assert len(results.wrong_report({})) == 3
