"""A certificate authority for tests, and a certificate for 127.0.0.1 and localhost that it signed."""

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from config.clock import SystemClock


@dataclass(frozen=True)
class Certificates:
    """PEM files: the authority, the server's certificate, its key, and both in one."""

    authority: Path
    certificate: Path
    key: Path
    both: Path


def make_certificates(directory: Path) -> Certificates:
    """Fresh ones, valid for a day."""
    now = SystemClock().now()
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])

    def build(subject: x509.Name, public: ec.EllipticCurvePublicKey, *, ca: bool) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        )

    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    authority = build(ca_name, ca_key.public_key(), ca=True).add_extension(usage, critical=True)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    server = build(name, key.public_key(), ca=False).add_extension(x509.SubjectAlternativeName(names), critical=False)
    made = Certificates(*(directory / file for file in ("ca.pem", "server.pem", "server.key", "both.pem")))
    pem = server.sign(ca_key, hashes.SHA256()).public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    made.authority.write_bytes(authority.sign(ca_key, hashes.SHA256()).public_bytes(Encoding.PEM))
    made.certificate.write_bytes(pem)
    made.key.write_bytes(secret)
    made.both.write_bytes(pem + secret)
    return made
