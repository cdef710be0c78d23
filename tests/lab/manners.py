"""How the lab's servers may be told to behave."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

EVERY: Final = "*"
"""Stands for every host or name that is not named itself."""


class Behaviour(StrEnum):
    """What the company's resolver does with a question."""

    ANSWER = "answer"
    NXDOMAIN = "nxdomain"
    NODATA = "nodata"
    SERVFAIL = "servfail"
    REFUSED = "refused"
    SILENCE = "silence"
    IPV6_ONLY = "ipv6-only"
    """NODATA for A, an address for AAAA."""
    NULL = "null"
    """0.0.0.0, as a filter says of what it does not want reached."""
    LOOPBACK = "loopback"
    PRIVATE = "private"
    """The address of a company's host that serves a page on why the name is blocked."""
    AAAA_FAILS = "aaaa-fails"
    """SERVFAIL for AAAA alone."""


class Wire(StrEnum):
    """What happens on a connection to a host before HTTP."""

    TLS = "tls"
    PLAIN = "plain"
    """HTTP where the client expects TLS."""
    SSH = "ssh"
    RESET = "reset"
    """RST in answer to the client's hello."""
    CLOSE = "close"
    """FIN in answer to the client's hello."""
    SILENCE = "silence"
    SNI_RESET = "sni-reset"
    """RST in answer to a hello that names the host; one without a name is answered."""


class Certificate(StrEnum):
    """What a host presents: `good` is signed by the authority that `here` trusts."""

    GOOD = "good"
    EXPIRED = "expired"
    OTHER_NAME = "other-name"
    UNKNOWN = "unknown"
    """Signed by an authority that nobody here trusts."""
    UNKNOWN_SHOWN = "unknown-shown"
    """The same, and its authority's own certificate is shown behind it."""
    INTERCEPTED = "intercepted"
    """For the right name, signed by the one authority of an intercepting gateway."""
    NOT_YET = "not-yet"
    SELF_SIGNED = "self-signed"
    OLD_TLS = "old-tls"
    """A good one, in TLS 1.0 alone."""


class Answer(StrEnum):
    """How a host treats requests that reached it."""

    NORMAL = "normal"
    FORBIDDEN = "forbidden"
    """403 with a page for people."""
    UNAVAILABLE = "unavailable"
    """503, as a load balancer without backends."""
    RATE_LIMITED = "rate-limited"
    """429 for manifests; the rest works."""
    CUT = "cut"
    """Bodies above 64 KiB break off."""
    STALL = "stall"
    """Bodies above 64 KiB stop there, and the connection stays."""
    ERROR = "error"
    """500 with a page."""
    BAD_GATEWAY = "bad-gateway"
    """502 with a page."""
    NO_SUCH_PAGE = "no-such-page"
    """404 with a page for whatever is asked."""
    UNAUTHORIZED = "unauthorized"
    """401 for whatever is asked, with a Basic challenge."""
    NONSENSE = "nonsense"
    """200 with a page for whatever is asked."""
    LOOP = "loop"
    """A redirect to itself."""
    QUOTA = "quota"
    """429 for whatever is asked."""
    SCHEMA1 = "schema1"
    """Manifests of the format that newer engines do not read."""


@dataclass(slots=True)
class Manners:
    """How each web host behaves now."""

    wires: dict[str, Wire] = field(default_factory=dict)
    certificates: dict[str, Certificate] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)

    def reset(self) -> None:
        """Behave well everywhere."""
        self.wires.clear()
        self.certificates.clear()
        self.answers.clear()

    def wire(self, host: str) -> Wire:
        """Return what happens on a connection to `host`."""
        return self.wires.get(host) or self.wires.get(EVERY, Wire.TLS)

    def certificate(self, host: str) -> Certificate:
        """Return which certificate `host` presents."""
        return self.certificates.get(host) or self.certificates.get(EVERY, Certificate.GOOD)

    def answer(self, host: str) -> Answer:
        """Return how `host` treats requests."""
        return self.answers.get(host) or self.answers.get(EVERY, Answer.NORMAL)
