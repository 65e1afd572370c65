"""The throw-away certificate authority: made per run, its key never leaves this process.

Nothing is installed anywhere. The CA's certificate is written to a temporary file for the child's
environment; a leaf is minted for every host name the first time a client asks for it.
"""

import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import trustme
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PKCS12Certificate,
    serialize_java_truststore,
)
from cryptography.x509 import load_pem_x509_certificate


class CertificateAuthority:
    """Signs leaves for emulated host names."""

    def __init__(self, emulates: Callable[[str], bool]) -> None:
        self._emulates = emulates
        self._authority = trustme.CA(organization_name="foundry-emulator (throw-away)")
        self._lock = threading.Lock()
        self._contexts: dict[str, ssl.SSLContext] = {}

    def write(self, path: Path) -> None:
        """Write the CA's certificate (not its key)."""
        self._authority.cert_pem.write_to_path(str(path))

    def write_trust_store(self, path: Path, password: str) -> None:
        """Write the CA's certificate as Java reads it, a PKCS #12 file."""
        certificate = load_pem_x509_certificate(self._authority.cert_pem.bytes())
        entry = PKCS12Certificate(certificate, b"foundry-emulator")
        encryption = BestAvailableEncryption(password.encode())
        path.write_bytes(serialize_java_truststore([entry], encryption))

    def server_context(self) -> ssl.SSLContext:
        """A context that presents the leaf of whatever name the client asks for."""
        context = _context()

        def choose(connection: Any, name: str | None, _: ssl.SSLContext) -> int | None:
            if name is None or not self._emulates(name.lower()):
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            try:
                connection.context = self._leaf(name.lower())
            except UnicodeError:  # no name of a host, `a_b` for one
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            return None

        context.sni_callback = choose
        return context

    def _leaf(self, host: str) -> ssl.SSLContext:
        with self._lock:
            if host not in self._contexts:
                context = _context()
                leaf = self._authority.issue_cert(host)
                leaf.configure_cert(context)  # pyright: ignore[reportUnknownMemberType] # pyOpenSSL
                self._contexts[host] = context
            return self._contexts[host]


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
