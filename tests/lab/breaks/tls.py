"""Faults of TLS between here and a registry."""

from typing import Final

from .. import addresses
from ..lab import Lab
from ..manners import EVERY, Certificate, Wire
from .model import Break

_FACTS: Final = {"registry": addresses.HUB}


def _misnamed_authority(lab: Lab) -> None:
    folder = f"/etc/docker/certs.d/{addresses.CORP}"
    lab.here.write(f"{folder}/ca.cert", "the registry's authority, as somebody named it\n")
    lab.when_healing(lambda: lab.here.script(f"rm -r {folder}"))


BREAKS: Final = (
    Break(
        id="tls-private-ca",
        group="tls",
        expect="tls-unknown-authority",
        facts=_FACTS,
        words=r"x509: certificate signed by unknown authority",
        apply=lambda lab: lab.certificate(addresses.HUB, Certificate.UNKNOWN),
        note="this host only",
    ),
    Break(
        id="tls-expired",
        group="tls",
        expect="tls-certificate-expired",
        facts=_FACTS,
        words=r"x509: certificate has expired or is not yet valid: current time \S+ is after",
        apply=lambda lab: lab.certificate(addresses.HUB, Certificate.EXPIRED),
    ),
    Break(
        id="tls-wrong-name",
        group="tls",
        expect="tls-name-mismatch",
        facts=_FACTS,
        words=rf"x509: certificate is valid for www\.example\.com, not {addresses.HUB}",
        apply=lambda lab: lab.certificate(addresses.HUB, Certificate.OTHER_NAME),
    ),
    Break(
        id="tls-token-expired",
        group="tls",
        expect="tls-certificate-expired",
        facts={"host": addresses.TOKENS},
        words=rf"{addresses.TOKENS}/token\?.*x509: certificate has expired",
        apply=lambda lab: lab.certificate(addresses.TOKENS, Certificate.EXPIRED),
        note="the token server's; the registry's own is good",
    ),
    Break(
        id="tls-plain-http",
        group="tls",
        expect="registry-http-not-https",
        facts=_FACTS,
        words=r"http: server gave HTTP response to HTTPS client",
        apply=lambda lab: lab.wire(addresses.HUB, Wire.PLAIN),
    ),
    Break(
        id="tls-ssh-banner",
        group="tls",
        expect="tls-handshake-failed",
        facts=_FACTS,
        words=r"tls: first record does not look like a TLS handshake",
        apply=lambda lab: lab.wire(addresses.HUB, Wire.SSH),
    ),
    Break(
        id="tls-silent",
        group="tls",
        expect="tls-handshake-timeout",
        facts=_FACTS,
        words=r"net/http: TLS handshake timeout",
        apply=lambda lab: lab.wire(addresses.HUB, Wire.SILENCE),
        note="TCP connects, the handshake is never answered",
    ),
    Break(
        id="tls-intercepted",
        group="tls",
        expect="tls-unknown-authority",
        facts=_FACTS,
        words=r"x509: certificate signed by unknown authority",
        apply=lambda lab: lab.certificate(EVERY, Certificate.INTERCEPTED),
        note="every host presents a certificate of one authority, 'Corp Secure Web Gateway'",
    ),
    Break(
        id="tls-intercepted-by-proxy",
        group="tls",
        expect="tls-unknown-authority",
        facts=_FACTS,
        words=r"x509: certificate signed by unknown authority",
        apply=lambda lab: lab.proxied(f"http://{addresses.PROXY}:{addresses.PROXY_INTERCEPT}"),
        note="the same through CONNECT; direct egress is blocked",
    ),
    Break(
        id="tls-authority-misnamed",
        group="tls",
        expect="tls-handshake-failed",
        image=f"{addresses.CORP}/team/app:1",
        words=r"missing key ca\.key for client certificate ca\.cert",
        apply=_misnamed_authority,
        note="a lone .cert in certs.d: docker takes it for half a client's pair and asks nobody",
    ),
)
