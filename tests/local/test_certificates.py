"""The certificate authority, judged by a strict verifier."""

from __future__ import annotations

import ssl
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from local import certificates
from local.certificates import Authority, Identity

SERVER = Identity("server", names=("localhost", "10.0.0.1"))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path / "certificates")
    made.ensure()
    return made


def handshake(authority: Authority, server: Path, client: Path, name: str) -> dict[str, object]:
    """Both sides of TLS in memory, strict as Python 3.13 is by default; the server's view of the client."""
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(server)
    server_side.load_verify_locations(authority.certificate)
    server_side.verify_mode = ssl.CERT_REQUIRED
    client_side = ssl.create_default_context(cafile=str(authority.certificate))
    client_side.load_cert_chain(client)
    for side in (server_side, client_side):
        side.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    accepting = server_side.wrap_bio(to_server, to_client, server_side=True)
    connecting = client_side.wrap_bio(to_client, to_server, server_hostname=name)
    done: set[int] = set()
    while len(done) < 2:
        for number, end in enumerate((connecting, accepting)):
            try:
                end.do_handshake()
                done.add(number)
            except ssl.SSLWantReadError:
                continue
    told = accepting.getpeercert()
    assert told is not None
    return dict(told)


@pytest.mark.parametrize("name", ["localhost", "10.0.0.1"])
def test_server_and_client_are_accepted_by_a_strict_verifier(authority: Authority, name: str) -> None:
    client = authority.issue("client", Identity("system:node:one", "system:nodes"))
    peer = handshake(authority, authority.issue("server", SERVER), client, name)
    assert peer["subject"] == ((("organizationName", "system:nodes"),), (("commonName", "system:node:one"),))


def test_a_name_that_was_not_asked_for_is_refused(authority: Authority) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(authority, authority.issue("server", SERVER), authority.issue("c", Identity("c")), "example.org")


def test_a_client_certificate_cannot_serve(authority: Authority) -> None:
    client = authority.issue("client", Identity("client"))
    with pytest.raises(ssl.SSLError):
        handshake(authority, client, client, "localhost")


def test_identifiers_and_usages(authority: Authority) -> None:
    root = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    leaf = x509.load_pem_x509_certificate(authority.issue("server", SERVER).read_bytes())
    key_identifier = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    for certificate in (root, leaf):
        issuer = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        assert issuer.key_identifier == key_identifier
    assert root.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    assert not leaf.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_keys_are_for_their_owner_only(authority: Authority) -> None:
    files = (authority.key, authority.issue("server", SERVER), authority.signing_key("tokens"))
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(authority.directory.stat().st_mode) == 0o700


def test_what_is_there_is_kept(authority: Authority) -> None:
    before = {path: path.read_bytes() for path in (authority.issue("s", SERVER), authority.signing_key("t"))}
    root = authority.certificate.read_bytes()
    authority.ensure()
    authority.issue("s", SERVER)
    authority.signing_key("t")
    assert authority.certificate.read_bytes() == root
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(
    "other", [Identity("server", names=("localhost",)), Identity("server", "group", SERVER.names), Identity("other")]
)
def test_another_identity_is_issued_anew(authority: Authority, other: Identity) -> None:
    before = authority.issue("s", SERVER).read_bytes()
    assert authority.issue("s", other).read_bytes() != before


@pytest.mark.parametrize(
    ("backdate", "lifetime"),
    [(-timedelta(hours=2), timedelta(days=365)), (timedelta(days=365), -timedelta(1)), (timedelta(1), timedelta(29))],
    ids=["not yet valid", "over", "soon over"],
)
def test_what_is_not_in_date_is_issued_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backdate: timedelta, lifetime: timedelta
) -> None:
    authority = Authority(tmp_path / "skewed")
    with monkeypatch.context() as then:
        then.setattr(certificates, "BACKDATE", backdate)
        then.setattr(certificates, "LIFETIME", lifetime)
        authority.ensure()
        authority.issue("s", SERVER)
    before = authority.certificate.read_bytes()
    authority.ensure()
    assert authority.certificate.read_bytes() != before
    handshake(authority, authority.issue("s", SERVER), authority.issue("c", Identity("c")), "localhost")


def test_a_lost_authority_replaces_what_it_issued(authority: Authority) -> None:
    authority.issue("s", SERVER)
    authority.certificate.unlink()
    authority.ensure()
    handshake(authority, authority.issue("s", SERVER), authority.issue("c", Identity("c")), "localhost")


def test_the_signing_key_has_the_form_the_api_server_reads(authority: Authority) -> None:
    content = authority.signing_key("tokens").read_bytes()
    assert content.startswith(b"-----BEGIN EC PRIVATE KEY-----")
    serialization.load_pem_private_key(content, password=None)
