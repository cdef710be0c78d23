"""Certificates of the lab's hosts, good and bad, made on demand by throw-away authorities."""

import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

from .manners import Certificate


class Certificates:
    """Issues one certificate for each kind and host name, and keeps it."""

    def __init__(self) -> None:
        self._trusted = trustme.CA(organization_name="Lab Public Trust")
        self._stranger = trustme.CA(organization_name="Lab Private CA")
        self._gateway = trustme.CA(organization_name="Corp Secure Web Gateway")
        self._contexts: dict[tuple[Certificate, str], ssl.SSLContext] = {}
        self._lock = threading.Lock()

    def write_trusted(self, path: Path) -> None:
        """Write the trusted authority's certificate as PEM."""
        self._trusted.cert_pem.write_to_path(str(path))

    def write_private(self, path: Path) -> None:
        """Write the certificate of the authority that nobody trusts as PEM."""
        self._stranger.cert_pem.write_to_path(str(path))

    def context(self, kind: Certificate, host: str) -> ssl.SSLContext:
        """Return the server-side TLS context with which `host` answers."""
        with self._lock:
            if (kind, host) not in self._contexts:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                if kind is Certificate.OLD_TLS:
                    context.set_ciphers("DEFAULT@SECLEVEL=0")
                    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
                leaf = self._issue(kind, host)
                leaf.configure_cert(context)
                if kind is Certificate.UNKNOWN_SHOWN:
                    whole = leaf.private_key_and_cert_chain_pem.bytes() + self._stranger.cert_pem.bytes()
                    with trustme.Blob(whole).tempfile() as path:
                        context.load_cert_chain(path)
                self._contexts[kind, host] = context
            return self._contexts[kind, host]

    def _issue(self, kind: Certificate, host: str) -> trustme.LeafCert:
        match kind:
            case Certificate.NOT_YET:
                now = datetime.now(UTC)
                return self._trusted.issue_cert(
                    host, not_before=now + timedelta(days=2), not_after=now + timedelta(days=90)
                )
            case Certificate.SELF_SIGNED:
                return trustme.CA(organization_name=host).issue_cert(host)
            case Certificate.GOOD | Certificate.OLD_TLS:
                return self._trusted.issue_cert(host)
            case Certificate.EXPIRED:
                now = datetime.now(UTC)
                return self._trusted.issue_cert(
                    host, not_before=now - timedelta(days=90), not_after=now - timedelta(days=1)
                )
            case Certificate.OTHER_NAME:
                return self._trusted.issue_cert("www.example.com")
            case Certificate.UNKNOWN | Certificate.UNKNOWN_SHOWN:
                return self._stranger.issue_cert(host)
            case Certificate.INTERCEPTED:
                return self._gateway.issue_cert(host)
