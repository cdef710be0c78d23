"""What goes over the wire and what comes back: URLs, answers, and failures to get one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urljoin, urlsplit

from kdoctor.probes.streams import host_port

Failure = Literal["unreached", "timeout", "reset", "closed", "malformed", "unseen", "cut"]
Ending = Literal["complete", "limit", "truncated", "stalled", "deadline", "malformed"]

_SAFE = "/:?#[]@!$&'()*+,;=%~"
_NOT_IN_HOSTS = set(' "<>\\^`{|}%/@')


@dataclass(frozen=True, slots=True)
class Url:
    """Where a request goes. `path` includes the query."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, text: str, base: Url | None = None) -> Url | None:
        """Read an http(s) URL, relative to `base` if given; None when it is none.

        A userinfo part is left out: no credential comes from a peer's or a setting's URL.
        """
        try:
            parts = urlsplit(urljoin(str(base), text.strip()) if base else text.strip())
            port = parts.port
        except ValueError:
            return None
        if parts.scheme not in ("http", "https") or not parts.hostname or not _is_host(parts.hostname):
            return None
        path = quote(parts.path or "/", _SAFE) + (f"?{quote(parts.query, _SAFE)}" if parts.query else "")
        return cls(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80), path)

    @property
    def netloc(self) -> str:
        """The host, with the port unless it is the scheme's own."""
        default = 443 if self.scheme == "https" else 80
        bare = f"[{self.host}]" if ":" in self.host else self.host
        return bare if self.port == default else host_port(self.host, self.port)

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: what must be the same for a credential to go along."""
        return self.scheme, self.host, self.port

    def __str__(self) -> str:
        """Return it as text."""
        return f"{self.scheme}://{self.netloc}{self.path}"


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, its body as far as it was wanted and came; `ending` says why reading stopped."""

    url: Url
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    ending: Ending
    address: str
    seconds: float

    def header(self, name: str) -> str | None:
        """Return the first field of that (lower-case) name."""
        return next((value for key, value in self.headers if key == name), None)

    def all(self, name: str) -> list[str]:
        """Return every field of that (lower-case) name."""
        return [value for key, value in self.headers if key == name]

    @property
    def declared(self) -> int | None:
        """The size that Content-Length announces."""
        length = self.header("content-length") or ""
        return int(length) if length.isascii() and length.isdigit() and len(length) < 19 else None


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer; `outcome` is one of the words of kinds.py that every registry probe shares.

    UNSEEN and CUT are among them: the route may not be known from here, or the time too short. `cause`
    tells the phase too ("connect refused", "tls unknown-authority", "response timeout"); `phase` and
    `how` are its two parts where the route failed.
    """

    url: Url
    outcome: Failure
    cause: str
    detail: str
    address: str | None = None
    phase: str = ""
    how: str = ""


def _is_host(text: str) -> bool:
    return len(text) < 256 and text.isprintable() and not _NOT_IN_HOSTS & set(text) and text.isascii()
