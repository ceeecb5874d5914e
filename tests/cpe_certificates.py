"""A provider's own authority for CPEs, made for one test: the listener's certificate, and client certificates."""

import ssl
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from config.clock import SystemClock
from gateway.cwmp.tls import server_context


class TlsHouse:
    """Everything is valid for a day."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("authority of the CPEs")
        self._count = 0
        self.authority = directory / "authority.pem"
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        own = self._build(self._name, self._key.public_key(), ca=True).add_extension(usage, critical=True)
        self.authority.write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))
        self.certificate, self.key = self.issue("localhost", "localhost")

    def issue(self, common: str, *others: str) -> tuple[Path, Path]:
        """A certificate for `common` with DNS names `others`, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._build(_name(common), key.public_key(), ca=False)
        if others:
            names = x509.SubjectAlternativeName([x509.DNSName(other) for other in others])
            builder = builder.add_extension(names, critical=False)
        self._count += 1
        certificate, secret = (self._directory / f"{self._count}.{kind}" for kind in ("pem", "key"))
        certificate.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))
        secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, secret

    def server(self) -> ssl.SSLContext:
        """Of the listener, which asks for certificates of this authority."""
        return server_context(self.certificate, self.key, self.authority)

    def client(self, *names: str) -> ssl.SSLContext:
        """Trusts the listener; with names it has a certificate: the first is its common name, the others DNS names."""
        context = ssl.create_default_context(cafile=str(self.authority))
        if names:
            context.load_cert_chain(*self.issue(*names))
        return context

    def _build(self, subject: x509.Name, public: ec.EllipticCurvePublicKey, *, ca: bool) -> x509.CertificateBuilder:
        now = SystemClock().now()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
