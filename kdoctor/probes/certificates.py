"""What stands in a certificate, read without trusting it, and judged as crypto/x509 does."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import ipaddress
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kdoctor.model import Value
from kdoctor.probes.names import literal

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_MOST_NAMES = 50
_MOST_CERTIFICATES = 500
_LONGEST_CHAIN = 10


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


def spelled(fingerprint: str) -> str:
    """Return a fingerprint in hexadecimal as openssl prints it: AB:CD:..."""
    return ":".join(fingerprint[i : i + 2] for i in range(0, len(fingerprint), 2)).upper()


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


@dataclass(frozen=True, slots=True)
class Authority:
    """The self-signed certificate in which a chain ends, and its bytes as PEM."""

    leaf: Leaf
    pem: str

    def data(self) -> dict[str, Value]:
        """Return the fields of tls.handshake."""
        return {
            "ca_subject": self.leaf.subject,
            "ca_fingerprint": self.leaf.fingerprint,
            "ca_not_before": _time(self.leaf.not_before),
            "ca_not_after": _time(self.leaf.not_after),
            "ca_pem": self.pem,
        }


def authority(chain: Sequence[bytes], now: dt.datetime) -> Authority | None:
    """Return the authority that signs the chain, where the chain holds it; nothing of it is trusted by that.

    Each signature is verified. It must be self-signed, valid now, and a CA (RFC 5280, 4.2.1.9) or the
    peer's own certificate. None where the chain ends before such a one.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _authority(chain[:_LONGEST_CHAIN], now)


def _authority(chain: Sequence[bytes], now: dt.datetime) -> Authority | None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        found = [x509.load_der_x509_certificate(one) for one in chain]
    except ValueError:
        return None
    at = found[0] if found else None
    for _ in found:
        if at is None or _signs(at, at):
            break
        at = next((one for one in found if one is not at and _signs(one, at)), None)
    if at is None or not _signs(at, at) or not (at is found[0] or _is_ca(at)):
        return None
    leaf = read(at.public_bytes(Encoding.DER))
    if leaf is None or leaf.out_of_date(now):
        return None
    return Authority(leaf, at.public_bytes(Encoding.PEM).decode("ascii"))


def _signs(issuer: Certificate, certificate: Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _is_ca(certificate: Certificate) -> bool:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False


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
