"""The two tasks: every order as one line of JSON in the bucket, then the sum against the API's own."""

from __future__ import annotations

import hashlib
import json
import os
from decimal import Decimal

import bucket
from api import Api

DAG_ID = "orders_api"
PAGE = 100


def extract(run_id: str) -> dict[str, object]:
    """Write the API's orders, in its order, unchanged. Raises ValueError when it gives one twice."""
    lines: list[bytes] = []
    ids: set[str] = set()
    with _api() as api:
        pages = 0
        for page in api.pages(f"/orders?limit={PAGE}", "orders"):
            pages += 1
            for order in page:
                if order["id"] in ids:
                    raise ValueError(f"order {order['id']} is there twice")
                ids.add(order["id"])
                lines.append(json.dumps(order, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
        retried = dict(api.retried)
    content = b"".join(lines)
    key = f"{bucket.run_prefix(DAG_ID, run_id)}/orders.jsonl"
    # In one piece, when all is there: nobody reads half an extraction.
    bucket.put(key, content, "application/jsonl")
    return {
        "key": key,
        "orders": len(lines),
        "pages": pages,
        "retried": retried,
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def reconcile(run_id: str, extracted: dict[str, object]) -> dict[str, object]:
    """Hold what is in the bucket against the API's count and total, and name it as the latest. Raises ValueError when
    they differ."""
    content = bucket.get(str(extracted["key"]))
    if hashlib.sha256(content).hexdigest() != extracted["sha256"]:
        raise ValueError(f"{extracted['key']} is not what was extracted")
    orders = _orders(content)
    total = sum((line["quantity"] * Decimal(line["price"]) for order in orders for line in order["lines"]), Decimal(0))
    with _api() as api:
        wanted = api.get("/orders/summary")
    found = {"orders": len(orders), "total": str(total)}
    if found != wanted:
        raise ValueError(f"the bucket holds {found}, the API has {wanted}")
    report = {"run_id": run_id, **extracted, "total": found["total"]}
    for key in (f"{bucket.run_prefix(DAG_ID, run_id)}/report.json", f"data/{DAG_ID}/latest.json"):
        bucket.put(key, json.dumps(report, indent=2).encode(), "application/json")
    return found


def _api() -> Api:
    # Of the Secret that the DAG config names.
    return Api(os.environ["ORDERS_API_ADDRESS"], os.environ["ORDERS_API_TOKEN"])


def _orders(content: bytes) -> list[dict]:
    # Only a newline ends a line: str.splitlines knows separators that may stand inside one.
    return [json.loads(line) for line in content.split(b"\n") if line]
