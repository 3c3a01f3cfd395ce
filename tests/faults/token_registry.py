"""A registry that takes tokens only, and what sells them: the distribution registry, with the platform's certificates.

https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from local import probes
from local.certificates import Authority, Identity
from local.waiting import wait
from registry.client import Credentials
from tests.registry.servers import LOG_IN, binary

ISSUER, SERVICE = "seller", "registry"
#: For so long the registry takes a token that is over.
LEEWAY_SECONDS = 60


@dataclass
class Seller:
    """``lifetime`` is in whole seconds: the registry refuses a token after so many. ``accepted`` is the one log-in."""

    identity: Path
    lifetime: int = 300
    accepted: Credentials = LOG_IN
    sold: list[str] = field(default_factory=list)

    def token(self, scopes: list[str]) -> str:
        key = serialization.load_pem_private_key(self.identity.read_bytes(), password=None)
        certificate = x509.load_pem_x509_certificate(self.identity.read_bytes())
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        chain = base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
        parts = [scope.split(":") for scope in scopes]
        access = [{"type": kind, "name": name, "actions": actions.split(",")} for kind, name, actions in parts]
        now = time.time()
        claims = {
            "iss": ISSUER, "aud": SERVICE, "sub": "team", "jti": secrets.token_hex(8), "access": access,
            "iat": int(now) - 600, "nbf": int(now) - 600, "exp": int(now - LEEWAY_SECONDS + self.lifetime),
        }  # fmt: skip
        signed = b".".join(map(_encoded, ({"alg": "ES256", "typ": "JWT", "x5c": [chain]}, claims)))
        first, second = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
        signature = first.to_bytes(32, "big") + second.to_bytes(32, "big")
        return (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


@contextmanager
def token_registry(folder: Path) -> Iterator[tuple[str, Seller]]:
    """``localhost:<port>`` of the registry, and its seller."""
    folder.mkdir(parents=True)
    authority = Authority(folder / "authority")
    authority.ensure()
    seller = Seller(authority.issue(ISSUER, Identity(ISSUER)))
    selling = ThreadingHTTPServer(("127.0.0.1", 0), _handler(seller))
    threading.Thread(target=selling.serve_forever, daemon=True).start()
    try:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        token = {
            "realm": f"http://127.0.0.1:{selling.server_port}/token",
            "service": SERVICE,
            "issuer": ISSUER,
            "rootcertbundle": str(authority.certificate),
        }
        with _registry(folder, port, token):
            yield f"localhost:{port}", seller
    finally:
        selling.shutdown()
        selling.server_close()


@contextmanager
def _registry(folder: Path, port: int, token: dict[str, str]) -> Iterator[None]:
    configuration = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": f"127.0.0.1:{port}", "secret": "shared"},
        "auth": {"token": token},
    }
    file, log = folder / "registry.yaml", folder / "log"
    file.write_text(json.dumps(configuration))
    environment = {**os.environ, "OTEL_TRACES_EXPORTER": "none"}
    with log.open("wb") as output:
        process = subprocess.Popen([binary(), "serve", str(file)], env=environment, stdout=output, stderr=output)
    try:
        address = f"http://127.0.0.1:{port}/v2/"
        wait("the registry", lambda: probes.http_answers(address, accepted=(401,)), 60, log.read_text)
        yield
    finally:
        process.kill()
        process.wait()


def _handler(seller: Seller) -> type[BaseHTTPRequestHandler]:
    wanted = base64.b64encode(f"{seller.accepted.username}:{seller.accepted.password}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != f"Basic {wanted}":
                self.send_error(401)
                return
            scopes = parse_qs(urlsplit(self.path).query).get("scope", [])
            seller.sold.append(seller.token([one for scope in scopes for one in scope.split(" ")]))
            body = json.dumps({"token": seller.sold[-1]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - as it is called
            return

    return Handler


def _encoded(part: dict[str, Any]) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
