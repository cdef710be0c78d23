"""One TLS handshake over any stream, and what its end means to a Go client (crypto/tls)."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ssl
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kdoctor.probes.streams import READ_SIZE, Stream, word

if TYPE_CHECKING:
    from kdoctor.settings.trust import Trust

# As wide as Go's own: level 1 takes RSA keys from 1024 bits and no SHA-1 signatures, which is what
# crypto/x509 asks; OpenSSL's default level 2, as distributions set it, would refuse more.
_CIPHERS = "DEFAULT:@SECLEVEL=1"
_MOST_BYTES = 1024 * 1024

# crypto/tls/alert.go: the words of "remote error: tls: ..." for OpenSSL's reasons.
_ALERTS = {
    "UNEXPECTED_MESSAGE": "unexpected message",
    "BAD_RECORD_MAC": "bad record MAC",
    "RECORD_OVERFLOW": "record overflow",
    "HANDSHAKE_FAILURE": "handshake failure",
    "BAD_CERTIFICATE": "bad certificate",
    "UNSUPPORTED_CERTIFICATE": "unsupported certificate",
    "CERTIFICATE_REVOKED": "revoked certificate",
    "CERTIFICATE_EXPIRED": "expired certificate",
    "CERTIFICATE_UNKNOWN": "unknown certificate",
    "ILLEGAL_PARAMETER": "illegal parameter",
    "UNKNOWN_CA": "unknown certificate authority",
    "ACCESS_DENIED": "access denied",
    "DECODE_ERROR": "error decoding message",
    "DECRYPT_ERROR": "error decrypting message",
    "PROTOCOL_VERSION": "protocol version not supported",
    "INSUFFICIENT_SECURITY": "insufficient security level",
    "INTERNAL_ERROR": "internal error",
    "INAPPROPRIATE_FALLBACK": "inappropriate fallback",
    "USER_CANCELLED": "user canceled",
    "NO_RENEGOTIATION": "no renegotiation",
    "MISSING_EXTENSION": "missing extension",
    "UNSUPPORTED_EXTENSION": "unsupported extension",
    "UNRECOGNIZED_NAME": "unrecognized name",
    "UNKNOWN_PSK_IDENTITY": "unknown PSK identity",
    "CERTIFICATE_REQUIRED": "certificate required",
    "NO_APPLICATION_PROTOCOL": "no application protocol",
}
# Reasons with which our own side breaks off because the server offers too little.
_TOO_OLD = ("UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS_AVAILABLE", "VERSION_TOO_LOW")


@dataclass(frozen=True, slots=True)
class Failed:
    """A handshake that did not succeed: an outcome of tls.handshake, or "certificate" when it was not trusted.

    `code` and `reason` are OpenSSL's X509_V_ERR number and text for "certificate".
    """

    outcome: str
    says: str
    alert: str | None = None
    code: int = 0
    reason: str = ""


class TlsStream:
    """A stream inside a TLS connection over another stream."""

    __slots__ = ("_incoming", "_inner", "_kept", "_outgoing", "_tls")

    def __init__(self, inner: Stream, context: ssl.SSLContext, host: str) -> None:
        self._inner = inner
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._kept = b""

    @property
    def version(self) -> str:
        """Return the version agreed on, as TLSv1.3."""
        return self._tls.version() or ""

    def leaf(self) -> bytes:
        """Return the peer's certificate as DER, none when it showed none."""
        return self._tls.getpeercert(binary_form=True) or b""

    def chain(self) -> list[bytes]:
        """Return the certificates that the peer showed as DER, its own first; none where Python does not tell."""
        public = getattr(self._tls, "get_unverified_chain", None)  # Python 3.13
        if public is not None:
            return [bytes(one) for one in public()]
        private = getattr(getattr(self._tls, "_sslobj", None), "get_unverified_chain", None)  # 3.10
        shown = private() if private is not None else None
        return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in shown or ()]

    async def shake(self) -> None:
        """Run the handshake; ssl.SSLError, OSError or EOFError when it fails."""
        first, received = b"", 0
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    await self._flush()  # the alert: tell the server why
                raise
            else:
                await self._flush()
                return
            data = await self._more()
            first = (first + data)[:5]
            received += len(data)
            if not _may_be_tls(first) or received > _MOST_BYTES:
                raise NotTls(first)

    async def read(self, limit: int = READ_SIZE) -> bytes:
        """See Stream. A connection cut without close_notify ends like one that was closed."""
        if self._kept:
            given, self._kept = self._kept[:limit], self._kept[limit:]
            return given
        while True:
            try:
                return self._tls.read(limit)
            except ssl.SSLWantReadError:
                await self._flush()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""
            except ssl.SSLError as error:
                raise ConnectionAbortedError(errno.ECONNABORTED, _spoken(error)) from error
            try:
                await self._more()
            except EOFError:
                return b""

    async def write(self, data: bytes) -> None:
        """See Stream."""
        view = memoryview(data)
        while view:
            try:
                view = view[self._tls.write(view) :]
            except ssl.SSLWantReadError:
                await self._flush()
                await self._more()
            except ssl.SSLError as error:
                raise ConnectionAbortedError(errno.ECONNABORTED, _spoken(error)) from error
        await self._flush()

    def close(self) -> None:
        """See Stream. Sends no close_notify: nobody waits for one."""
        self._inner.close()

    async def first_word(self) -> None:
        """Wait for what the server says after the handshake: tickets, or in TLS 1.3 its refusal as ssl.SSLError."""
        await self._more()
        with contextlib.suppress(ssl.SSLWantReadError):
            self._kept += self._tls.read(READ_SIZE)

    async def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            await self._inner.write(data)

    async def _more(self) -> bytes:
        data = await self._inner.read(READ_SIZE)
        if not data:
            raise EOFError("the peer closed the connection")
        self._incoming.write(data)
        return data


class NotTls(Exception):  # noqa: N818 - an outcome, not a fault of ours
    """The first bytes of the peer are no TLS record."""

    def __init__(self, first: bytes) -> None:
        super().__init__(first)
        self.first = first


def _may_be_tls(first: bytes) -> bool:
    """Tell whether the bytes can begin a TLS record: a content type of 20 to 23, major version 3."""
    return 20 <= first[0] <= 23 and first[1:2] in (b"", b"\x03")


def client_context(trust: Trust | None) -> ssl.SSLContext:
    """Return a context that verifies as Go does with the trust's CA files; without trust one that only looks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    if trust is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    context.hostname_checks_common_name = False
    # Go takes any certificate of its pool for an anchor, self-signed or not, and wants no more of a
    # certificate than crypto/x509 asks: VERIFY_X509_STRICT, a default since Python 3.13, stays off.
    context.verify_flags = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    _load(context, trust.pem())
    if trust.system:
        _load_system(context)
    if trust.client:
        with contextlib.suppress(OSError):  # an encrypted key must not ask for its password here
            context.load_cert_chain(*trust.client, password=lambda: b"")
    return context


def _load(context: ssl.SSLContext, pem: str) -> None:
    """Load certificates; like Go's AppendCertsFromPEM pass over those that do not parse."""
    try:
        if pem:
            context.load_verify_locations(cadata=pem)
    except ssl.SSLError:
        mark = "-----BEGIN CERTIFICATE-----"
        for block in pem.split(mark)[1:]:
            with contextlib.suppress(ssl.SSLError):
                context.load_verify_locations(cadata=mark + block)


def _load_system(context: ssl.SSLContext) -> None:
    """Load what stands for the store that the OS's verifier asks: enough to trust, not to distrust."""
    if sys.platform == "win32":
        context.load_default_certs()
    elif sys.platform == "darwin":
        with contextlib.suppress(OSError):
            context.load_verify_locations("/etc/ssl/cert.pem")  # Apple's roots, without those added by hand


async def shake_hands(inner: Stream, context: ssl.SSLContext, host: str, limit: float) -> TlsStream | Failed:
    """Run a handshake within `limit` seconds; the caller closes the stream that comes back, or `inner`."""
    try:
        stream = TlsStream(inner, context, host)
    except ValueError as error:  # a name that cannot be sent as SNI
        return Failed("name-mismatch", f"{host!r} is no name that a certificate could hold: {error}")
    try:
        async with asyncio.timeout(limit):
            await stream.shake()
    except (ssl.SSLError, OSError, EOFError, NotTls) as error:
        return failure(error)
    return stream


def failure(error: Exception) -> Failed:
    """Return what an error of a handshake means."""
    if isinstance(error, NotTls):
        if error.first == b"HTTP/"[: len(error.first)]:
            return Failed("http", "It answered in plain HTTP: TLS is not spoken there.")
        return Failed("not-tls", f"It answered with bytes that are not TLS: {error.first!r}.")
    if isinstance(error, ssl.SSLCertVerificationError):
        return Failed("certificate", error.verify_message, code=error.verify_code, reason=error.verify_message)
    if isinstance(error, ssl.SSLEOFError | EOFError):
        return Failed("closed", "It closed the connection during the TLS handshake.")
    if isinstance(error, ssl.SSLError):
        return _alert(error)
    if isinstance(error, TimeoutError):
        return Failed("timeout", "It accepts the connection but does not answer the TLS ClientHello.")
    if isinstance(error, OSError) and word(error) == "timeout":
        return Failed("timeout", "It stopped answering during the TLS handshake.")
    return Failed("reset", "It reset the connection during the TLS handshake.")


def _alert(error: ssl.SSLError) -> Failed:
    reason = error.reason or ""
    if "_ALERT_" in reason:
        said = reason.partition("_ALERT_")[2]
        words = _ALERTS.get(said, said.lower().replace("_", " "))
        return Failed("alert", f"It broke the TLS handshake off: {words}.", alert=words)
    if reason in _TOO_OLD:
        words = _ALERTS["PROTOCOL_VERSION"]
        return Failed("alert", "It speaks no TLS version that the puller accepts (1.2 or later).", alert=words)
    words = _spoken(error)
    return Failed("alert", f"The TLS handshake failed: {words}.", alert=words)


def _spoken(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).lower().replace("_", " ")
