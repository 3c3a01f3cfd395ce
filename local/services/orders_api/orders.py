"""What the shop has sold: the same in every process, with every version of Python."""

from __future__ import annotations

import functools
import hashlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

ORDERS = 1237
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
CUSTOMERS = ("Zoë O'Brien", "João da Silva", "Łukasz Żak", "山田 太郎", 'Ann "AJ" Jones', "Nil\tTab", "=1+1")
COUNTRIES = ("AT", "DE", "JP", "PL", "PT", "US")
# Text on which a naive handling of lines, quotes or Unicode breaks.
NOTES = (None, "", "two\nlines", "separators\u2028 and \x85 inside", "back\\slash", '{"not": "an object"}', "☃ 🛒")
# From here on, a number that goes through a float comes out as another.
FIRST_REFERENCE = 2**53 + 1


@functools.cache
def orders() -> tuple[dict[str, Any], ...]:
    """Every order, oldest first."""
    return tuple(_order(number) for number in range(ORDERS))


def summary() -> dict[str, Any]:
    """How many orders there are, and the sum of quantity times price."""
    lines = [line for order in orders() for line in order["lines"]]
    return {"orders": ORDERS, "total": str(sum(line["quantity"] * Decimal(line["price"]) for line in lines))}


def _order(number: int) -> dict[str, Any]:
    chance = hashlib.sha256(b"order %d" % number).digest()
    return {
        "id": f"A-{number:06}",
        "reference": FIRST_REFERENCE + number,
        "placed_at": (FIRST_DAY + timedelta(seconds=number * 977)).isoformat(),
        "customer": {
            "name": CUSTOMERS[chance[0] % len(CUSTOMERS)],
            "country": COUNTRIES[chance[1] % len(COUNTRIES)],
        },
        "gift": chance[2] % 5 == 0,
        "lines": [
            {"sku": f"S{byte % 40:03}", "quantity": byte % 4 + 1, "price": f"{byte % 90 + 5}.{byte % 100:02}"}
            for byte in chance[8 : 9 + chance[3] % 4]
        ],
        "note": NOTES[chance[4] % len(NOTES)],
    }
