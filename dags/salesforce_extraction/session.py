"""A Salesforce session that survives what passes: OAuth's client credentials flow, and retries below the hook."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field

from airflow.sdk import Connection
from requests import Response, Session
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

SECONDS = 60
# A log-in and a query change nothing: both may be sent again.
PASSING = Retry(
    total=5, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504), allowed_methods=("GET", "POST")
)


class _Patient(HTTPAdapter):
    """simple_salesforce sets no timeout of its own."""

    def send(self, *arguments, timeout=None, **named):
        return super().send(*arguments, timeout=timeout or SECONDS, **named)


@dataclass
class LogIn:
    """``session`` sends requests again; ``refused`` lists the statuses of those that it had to."""

    session: Session
    token: str = ""
    refused: list[int] = field(default_factory=list)

    def note(self, response: Response, **_: object) -> None:
        history = response.raw.retries.history if response.raw.retries else ()
        self.refused += [attempt.status for attempt in history if attempt.status]


def log_in(connection_id: str) -> LogIn:
    """Log in as the connection says: ``instance_url``, ``consumer_key``, ``consumer_secret`` in its extra.

    ``ca_certificate`` (PEM) there names an authority that not everybody knows. Raises HTTPError when Salesforce
    refuses.
    """
    extra = Connection.get(connection_id).extra_dejson
    session = Session()
    session.mount("https://", _Patient(max_retries=PASSING))
    if authority := extra.get("ca_certificate"):
        with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False) as file:
            file.write(authority)
        session.verify = file.name
        # An environment's own bundle would go before it.
        session.trust_env = False
    found = LogIn(session)
    session.hooks["response"].append(found.note)
    answer = session.post(
        f"{extra['instance_url']}/services/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(extra["consumer_key"], extra["consumer_secret"]),
    )
    answer.raise_for_status()
    found.token = answer.json()["access_token"]
    return found
