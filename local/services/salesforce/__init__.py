"""The Salesforce stand-in: OAuth login, SOQL queries in pages, and one 503 a session; nothing of Salesforce's own."""

from __future__ import annotations

from pathlib import Path

from local.services.service import Declared, Held, stand_in

NAME = "salesforce"
CONSUMER_SECRET = "CONSUMER_SECRET"  # noqa: S105 - the name of the value
CONSUMER_KEY = "airflow-extraction"


def _connections(held: Held) -> Declared:
    extra = {
        "instance_url": f"https://{SALESFORCE.host}:{SALESFORCE.port}",
        "consumer_key": CONSUMER_KEY,
        "consumer_secret": held.values[CONSUMER_SECRET],
        # Salesforce's own certificates are of an authority that everybody knows; the stand-in's is not.
        "ca_certificate": held.authority,
    }
    return {NAME: {"conn_type": "salesforce", "extra": extra}}


SALESFORCE = stand_in(
    NAME, Path(__file__).parent, drawn=(CONSUMER_SECRET,), tls=True, connections=_connections
)  # fmt: skip
