"""TLS towards CPEs: the listener's certificate, and which names a client certificate proves.

Certificates of the provider's own authority only: a public one would let anybody in. Source: TR-069, 3.3; RFC 9525.
Counterpart: `gateway.cwmp.sign_in`, which compares the names with the device.
"""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.errors import ConfigError


def server_context(certificate: Path, key: Path, client_ca: Path | None) -> ssl.SSLContext:
    """TLS 1.2 and up; with `client_ca` a CPE may show a certificate, and a wrong one ends the handshake.

    Raises `ConfigError` naming the setting.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"cwmp.certificate_file {certificate} and cwmp.key_file {key} cannot be used "
            f"({type(error).__name__}); they must be PEM files that belong together and are readable."
        ) from error
    if client_ca is not None:
        try:
            context.load_verify_locations(client_ca)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"cwmp.client_ca_file {client_ca} cannot be used ({type(error).__name__}); it must be a PEM file with "
                "the certificates of the authority that signs those of the CPEs."
            ) from error
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def names_of(certificate: Mapping[str, Any] | None) -> frozenset[str]:
    """Common names, DNS names and URIs of a verified client certificate, as `SSLSocket.getpeercert` gives it; empty
    if there is none. Letter case of what a name says is kept: serial numbers may differ in it alone."""
    if not certificate:
        return frozenset()
    common = {
        value for parts in certificate.get("subject", ()) for kind, value in parts if kind == "commonName" and value
    }
    others = {value for kind, value in certificate.get("subjectAltName", ()) if kind in ("DNS", "URI") and value}
    return frozenset(common | others)
