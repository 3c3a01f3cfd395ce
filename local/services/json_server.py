"""A small HTTP server for stand-ins: standard library only, for it runs in a pod of a bare Python image.

Environment: ``PORT``, and ``TLS_FILE`` (PEM of key and certificate) where it serves TLS.
"""

from __future__ import annotations

import json
import os
import signal
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

LARGEST_BODY = 1 << 20


@dataclass(frozen=True)
class Request:
    """``query`` has the first value of each name; names in ``headers`` are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def form(self) -> dict[str, str]:
        """The body of a form, the first value of each name."""
        return _first(self.body.decode("utf-8", "replace"))


@dataclass(frozen=True)
class Response:
    """``body`` is sent as it is when it is bytes, else as JSON. A ``Content-Length`` in ``headers`` may lie."""

    status: int
    body: object
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Callable[[Request], Response]


def server(name: str, answer: Answer, port: int, tls_file: str | None = None) -> ThreadingHTTPServer:
    """A server that is bound and not yet running; ``name`` stands in its ``Server`` header."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = name
        sys_version = ""
        timeout = 60

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            if length > LARGEST_BODY:
                self.send_error(413)
                return
            parts = urlsplit(self.path)
            headers = {key.lower(): value for key, value in self.headers.items()}
            response = answer(Request(self.command, parts.path, _first(parts.query), headers, self.rfile.read(length)))
            body = response.body if isinstance(response.body, bytes) else json.dumps(response.body).encode()
            sent = {"Content-Type": "application/json", "Content-Length": str(len(body)), **response.headers}
            self.send_response(response.status)
            for key, value in sent.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)
            # What was announced and does not come can only be told by the end of the connection.
            self.close_connection = sent["Content-Length"] != str(len(body))

    bound = ThreadingHTTPServer(("", port), Handler)
    bound.daemon_threads = True
    if tls_file:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls_file)
        # The handshake belongs to the thread of the connection: a probe that only connects must hold up nobody.
        bound.socket = context.wrap_socket(bound.socket, server_side=True, do_handshake_on_connect=False)
    return bound


def serve(name: str, answer: Answer) -> None:
    """Serve until the pod is told to stop."""
    bound = server(name, answer, int(os.environ["PORT"]), os.environ.get("TLS_FILE"))
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=bound.shutdown).start())
    bound.serve_forever()


def _first(text: str) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(text, keep_blank_values=True).items()}
