"""What the stand-in holds: the same accounts and opportunities each time, with texts that break careless loaders."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping

ACCOUNTS = 450
OPPORTUNITIES = 1300
STAGES = ("Prospecting", "Qualification", "Negotiation", "Closed Won", "Closed Lost")
INDUSTRIES = ("Agriculture", "Banking", "Energy", "Healthcare", "Retail", None)
NAMES = (
    "Åland Ferries",
    "O'Hara & Sons",
    'The "Big" Store',
    "Tab\tand\nline",
    "100 % Wool",
    "Ω Labs",
    "back\\slash",
    "NULL",
)

Record = Mapping[str, object]


def _number(text: str, below: int) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % below


def _id(prefix: str, index: int) -> str:
    """18 characters, as Salesforce's: they differ in case alone now and then."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    tail = ""
    for _ in range(4):
        index, digit = divmod(index, len(digits))
        tail = digits[digit] + tail
    return f"{prefix}5e0000{'0' * (9 - len(tail))}{tail}".ljust(18, "A")[:18]


def _moment(text: str) -> str:
    day, hour, minute = _number(f"{text} day", 28) + 1, _number(f"{text} hour", 24), _number(f"{text} minute", 60)
    return f"2026-{_number(f'{text} month', 9) + 1:02}-{day:02}T{hour:02}:{minute:02}:07.000+0000"


@functools.cache
def records() -> Mapping[str, tuple[Record, ...]]:
    """Object -> its records, by Id."""
    accounts = tuple(
        {
            "Id": _id("001", index),
            "Name": f"{NAMES[index % len(NAMES)]} {index:04}",
            "Industry": INDUSTRIES[_number(f"industry {index}", len(INDUSTRIES))],
            "NumberOfEmployees": _number(f"employees {index}", 5000) or None,
            "AnnualRevenue": _number(f"revenue {index}", 10**10) / 100,
            "SystemModstamp": _moment(f"account {index}"),
        }
        for index in range(ACCOUNTS)
    )
    opportunities = tuple(
        {
            "Id": _id("006", index),
            "AccountId": accounts[_number(f"account of {index}", ACCOUNTS)]["Id"],
            "Name": f"{NAMES[_number(f'name of {index}', len(NAMES))]}: order {index}",
            "StageName": STAGES[_number(f"stage {index}", len(STAGES))],
            "Amount": None if index % 97 == 0 else _number(f"amount {index}", 10**7) / 100,
            "CloseDate": _moment(f"close {index}")[:10],
            "SystemModstamp": _moment(f"opportunity {index}"),
        }
        for index in range(OPPORTUNITIES)
    )
    return {"Account": accounts, "Opportunity": opportunities}
