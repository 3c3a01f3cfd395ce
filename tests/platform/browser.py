"""Somebody at a browser: follows redirects, keeps cookies, fills in the provider's form."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.platform.keycloak import trusting

FORM = re.compile(r'<form [^>]*id="kc-form-login"[^>]*action="([^"]+)"')
SECONDS = 60
#: Any client: one of those addresses that are set apart for examples.
CLIENT = "203.0.113.7"


class Ingress(httpx.BaseTransport):
    """Ends TLS before Airflow and passes on what is asked, as an ingress controller does."""

    def __init__(self, airflow: str) -> None:
        self._airflow, self._inner = httpx.URL(airflow), httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        headers = {**request.headers, "X-Forwarded-Proto": "https", "X-Forwarded-For": CLIENT}
        there = self._airflow
        url = request.url.copy_with(scheme=there.scheme, host=there.host, port=there.port)
        return self._inner.handle_request(httpx.Request(request.method, url, headers=headers, stream=request.stream))


@dataclass
class Browser:
    """``page`` is Airflow's address as people know it, ``airflow`` where it is, ``trusted`` who signed the provider's
    certificate."""

    page: str
    airflow: str
    trusted: Path
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(
            base_url=self.page, mounts={self.page: Ingress(self.airflow)}, verify=trusting(self.trusted),
            follow_redirects=True, trust_env=False, timeout=SECONDS,
        )  # fmt: skip

    def opens(self) -> httpx.Response:
        """Where Airflow's page sends whom it does not know."""
        return self.http.get("/api/v2/auth/login", params={"next": f"{self.page}/"})

    def logs_in(self, person: str, password: str, provider: str = "sso") -> httpx.Response:
        """The last page of a log-in: Airflow's, or the provider's once more where it refuses."""
        form = self.http.get(f"/auth/login/{provider}", params={"next": f"{self.page}/"})
        found = FORM.search(form.text)
        if found is None:
            return form
        return self.http.post(html.unescape(found[1]), data={"username": person, "password": password})

    def asks(self, path: str) -> httpx.Response:
        """What Airflow answers to a page's own request, by the cookies that the log-in has left."""
        return self.http.get(path)

    @property
    def cookies(self) -> dict[str, Any]:
        """Airflow's cookies, by name."""
        host = httpx.URL(self.page).host
        return {one.name: one for one in self.http.cookies.jar if one.domain == host}
