"""The orders API stand-in: pages of JSON behind a token, one 429 and one truncated page a sequence."""

from __future__ import annotations

from pathlib import Path

from local.services.service import Declared, Held, stand_in

NAME = "orders-api"
TOKEN = "TOKEN"  # noqa: S105 - the name of the value


def _task_secrets(held: Held) -> Declared:
    address = f"http://{ORDERS_API.host}:{ORDERS_API.port}"
    return {NAME: {"ORDERS_API_ADDRESS": address, "ORDERS_API_TOKEN": held.values[TOKEN]}}


ORDERS_API = stand_in(NAME, Path(__file__).parent, drawn=(TOKEN,), task_secrets=_task_secrets)
