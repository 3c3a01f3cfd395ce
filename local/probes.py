"""Whether something answers: each probe returns None, or what is missing."""

from __future__ import annotations

import functools
import http.client
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 5

#: Returns None, or what is missing.
Probe = Callable[[], str | None]


@functools.cache
def _context(authority: Path | None, identity: Path | None, written: tuple[int, ...]) -> ssl.SSLContext:
    """``written`` tells one content of the two files from another: certificates are renewed."""
    context = ssl.create_default_context(cafile=str(authority) if authority else None)
    if authority is None:
        # Only for health ports on loopback, whose servers make up a certificate at each start.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if identity is not None:
        context.load_cert_chain(identity)
    return context


def http_answers(
    url: str, authority: Path | None = None, identity: Path | None = None, accepted: tuple[int, ...] = (200,)
) -> str | None:
    """GET ``url``; ``identity`` is a PEM file with key and certificate."""
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = _context(
            authority, identity, tuple(file.stat().st_mtime_ns for file in (authority, identity) if file)
        )
        connection = http.client.HTTPSConnection(parts.netloc, timeout=TIMEOUT_SECONDS, context=context)
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", parts.path or "/")
        response = connection.getresponse()
        body = response.read(4096).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return f"{url}: {error}"
    finally:
        connection.close()
    if response.status in accepted:
        return None
    failed = [line for line in body.splitlines() if line.startswith("[-]")]
    return f"{url}: status {response.status} {'; '.join(failed)}".rstrip()


def socket_answers(path: Path) -> str | None:
    """Connect to a unix socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(TIMEOUT_SECONDS)
        try:
            client.connect(str(path))
        except OSError as error:
            return f"{path}: {error}"
    return None
