"""What stands in a certificate, read without trusting it, and judged as crypto/x509 does."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import ipaddress
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kdoctor.model import Value
from kdoctor.probes.names import literal

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_MOST_NAMES = 50
_MOST_CERTIFICATES = 500


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate's own words; `names` are its subject alternative names, DNS names and IPs."""

    issuer: str
    subject: str
    names: tuple[str, ...]
    not_before: dt.datetime
    not_after: dt.datetime
    fingerprint: str
    self_signed: bool

    def data(self) -> dict[str, Value]:
        """Return the fields of tls.handshake."""
        return {
            "issuer": self.issuer,
            "subject": self.subject,
            "names": self.names[:_MOST_NAMES],
            "not_before": _time(self.not_before),
            "not_after": _time(self.not_after),
            "fingerprint": self.fingerprint,
            "self_signed": self.self_signed,
        }

    def out_of_date(self, now: dt.datetime) -> str | None:
        """Return "expired" or "not-yet-valid", None while it is valid (RFC 5280, 4.1.2.5)."""
        if now > self.not_after:
            return "expired"
        return "not-yet-valid" if now < self.not_before else None

    def covers(self, host: str) -> bool:
        """Tell whether it is valid for the host as x509.Certificate.VerifyHostname says; CN never counts."""
        if bare := literal(host):
            address = ipaddress.ip_address(bare.partition("%")[0])
            return any(literal(name) and ipaddress.ip_address(name) == address for name in self.names)
        wanted = host.lower().rstrip(".").split(".")
        return any(_matches(name.lower().rstrip(".").split("."), wanted) for name in self.names if not literal(name))


def _matches(pattern: list[str], wanted: list[str]) -> bool:
    """Compare label by label; a lone * stands for the whole first label (RFC 6125, 6.4.3)."""
    if len(pattern) != len(wanted) or "" in wanted:
        return False
    return pattern[1:] == wanted[1:] and (pattern[0] == wanted[0] or (pattern[0] == "*" and len(pattern) > 1))


def _time(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def read(der: bytes) -> Leaf | None:
    """Read a certificate; None when it cannot be parsed."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about odd encodings, which are not ours to judge
        try:
            certificate = x509.load_der_x509_certificate(der)
            return Leaf(
                issuer=certificate.issuer.rfc4514_string(),
                subject=certificate.subject.rfc4514_string(),
                names=_names(certificate),
                not_before=certificate.not_valid_before_utc,
                not_after=certificate.not_valid_after_utc,
                fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
                self_signed=certificate.issuer == certificate.subject,
            )
        except (ValueError, TypeError, x509.UnsupportedGeneralNameType):
            return None


def read_pem(text: bytes) -> list[Leaf]:
    """Return the certificates of a PEM text, in its order; those that cannot be parsed are left out."""
    blocks = re.findall(rb"-----BEGIN CERTIFICATE-----\s+(.+?)-----END CERTIFICATE-----", text, re.DOTALL)
    found = []
    for block in blocks[:_MOST_CERTIFICATES]:
        with contextlib.suppress(ValueError):  # binascii.Error is one
            found.append(read(base64.b64decode(b"".join(block.split()))))
    return [one for one in found if one is not None]


def _names(certificate: Certificate) -> tuple[str, ...]:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension):
        return ()
    return (
        *names.get_values_for_type(x509.DNSName),
        *(str(address) for address in names.get_values_for_type(x509.IPAddress)),
    )
