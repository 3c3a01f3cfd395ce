"""The platform's own certificate authority, and what it issues."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from local import files

LIFETIME = datetime.timedelta(days=3650)
# A clock that was set back a little must not make a new certificate "not yet valid".
BACKDATE = datetime.timedelta(hours=1)
RENEWAL = datetime.timedelta(days=30)


@dataclass(frozen=True)
class Identity:
    """Who a certificate is for: ``organization`` is a Kubernetes group, ``names`` the names and addresses served."""

    name: str
    organization: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Authority:
    """A folder with ``ca.pem``, ``ca.key`` and one ``<file>.pem`` (key and certificate) for each identity."""

    directory: Path

    @property
    def certificate(self) -> Path:
        return self.directory / "ca.pem"

    @property
    def key(self) -> Path:
        return self.directory / "ca.key"

    def ensure(self) -> None:
        """Make the authority unless it is there and in date; a half-made one is made again, key first."""
        if self.certificate.exists() and _in_date(x509.load_pem_x509_certificate(self.certificate.read_bytes())):
            return
        files.folder(self.directory, 0o700)
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "de-airflow-pipeline one-machine platform")])
        builder = (
            _builder(name, name, key.public_key(), key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
        )
        files.write(self.key, _pem(key), 0o600)
        files.write(self.certificate, _certificate(builder, key), 0o644)

    def issue(self, file: str, identity: Identity) -> Path:
        """Path of a PEM file with key and certificate of ``identity``, issued unless there already and in date."""
        path = self.directory / f"{file}.pem"
        if path.exists() and self._fits(path, identity):
            return path
        authority = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        signer = serialization.load_pem_private_key(self.key.read_bytes(), password=None)
        assert isinstance(signer, ec.EllipticCurvePrivateKey)  # noqa: S101 - we made it
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if identity.names else [])]
        builder = (
            _builder(_subject(identity), authority.subject, key.public_key(), signer.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        )
        if identity.names:
            builder = builder.add_extension(_alternatives(identity), critical=False)
        # One file for both: they are replaced together or not at all.
        files.write(path, _pem(key) + _certificate(builder, signer), 0o600)
        return path

    def signing_key(self, file: str) -> Path:
        """Path of a private key that signs tokens, made unless there already."""
        path = self.directory / f"{file}.key"
        if not path.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            # The API server reads the public half out of this older form only.
            form = serialization.PrivateFormat.TraditionalOpenSSL
            content = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
            files.write(path, content, 0o600)
        return path

    def _fits(self, path: Path, identity: Identity) -> bool:
        issued = x509.load_pem_x509_certificate(path.read_bytes())
        authority = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        try:
            issued.verify_directly_issued_by(authority)
            names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            names = None
        except Exception:  # any doubt is settled by a new certificate
            return False
        wanted = _alternatives(identity) if identity.names else None
        return issued.subject == _subject(identity) and names == wanted and _in_date(issued)


def _in_date(certificate: x509.Certificate) -> bool:
    """Not once it is soon over, nor where the clock was ahead when it was made."""
    now = datetime.datetime.now(datetime.UTC)
    return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - RENEWAL


def _subject(identity: Identity) -> x509.Name:
    group = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, identity.organization)] if identity.organization else []
    return x509.Name([*group, x509.NameAttribute(NameOID.COMMON_NAME, identity.name)])


def _alternatives(identity: Identity) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([_general_name(name) for name in identity.names])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, issuer_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(now + LIFETIME)
        # Python 3.13 verifies strictly (RFC 5280): without the two identifiers it rejects the chain.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _certificate(builder: x509.CertificateBuilder, signer: ec.EllipticCurvePrivateKey) -> bytes:
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
