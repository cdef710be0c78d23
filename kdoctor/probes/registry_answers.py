"""What a registry's answers mean: statuses, error codes, rate limits, pages that are no registry's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from html import unescape
from typing import TYPE_CHECKING

from kdoctor.oci import read_json
from kdoctor.probes import challenges
from kdoctor.probes.wire import now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kdoctor.model import Value
    from kdoctor.probes.http_messages import Response

_TITLE = re.compile(r"<title[^<>]{0,200}>([^<]{1,300})", re.IGNORECASE)
_HEADING = re.compile(r"<h1[^<>]{0,200}>([^<]{1,300})", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,500}>")
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Complaint:
    """Code and message of an error body (OCI distribution spec 1.1, "Error Codes"), empty if it has none."""

    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Quota:
    """Docker Hub's pull limits: how many are left of how many, and for whom."""

    remaining: int | None = None
    limit: int | None = None
    source: str | None = None


def printable(text: str, limit: int = _SHOWN) -> str:
    """Return one line of a peer's text, without control characters, shortened."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: limit * 8]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def is_html(response: Response) -> bool:
    """Tell whether the answer is a page for people: a portal, a firewall, a web server."""
    kind = (response.header("content-type") or "").lower()
    start = response.body[:512].lstrip().lower()
    return "html" in kind or start.startswith((b"<!doctype html", b"<html"))


def shown(response: Response) -> str:
    """Return what a person would read of the body: a page's title and heading, a message, or the text."""
    text = response.body.decode("utf-8", "replace")
    if is_html(response):
        found = (pattern.search(text) for pattern in (_TITLE, _HEADING))
        parts = [printable(unescape(match.group(1))) for match in found if match]
        return ": ".join(dict.fromkeys(p for p in parts if p)) or printable(_TAG.sub(" ", text[:4096]))
    return complaint(response).message or printable(text)


def complaint(response: Response) -> Complaint:
    """Read the first error of a body: {"errors": [{code, message}]}, or what token servers send."""
    document = read_json(response.body)
    if not isinstance(document, dict):
        return Complaint()
    errors = document.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else document
    if not isinstance(first, dict):
        return Complaint(message=printable(first) if isinstance(first, str) else "")
    texts = (first.get(key) for key in ("message", "details", "detail", "error_description", "error"))
    message = next((printable(text) for text in texts if isinstance(text, str) and text), "")
    code = first.get("code")
    return Complaint(printable(code, 64).upper() if isinstance(code, str) else "", message)


def quota(response: Response) -> Quota:
    """Read ratelimit-limit, ratelimit-remaining ("100;w=21600") and docker-ratelimit-source."""
    source = response.header("docker-ratelimit-source")
    return Quota(
        _number(response.header("ratelimit-remaining")),
        _number(response.header("ratelimit-limit")),
        printable(source, 64) if source else None,
    )


def clock_skew(response: Response) -> int | None:
    """Return the seconds by which our clock is ahead of the peer's Date, None without a readable one."""
    try:
        theirs = parsedate_to_datetime(response.header("date") or "")
    except (ValueError, TypeError, OverflowError):
        return None
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=UTC)
    try:
        return round((now() - theirs).total_seconds())
    except OverflowError:
        return None


def demanded(response: Response) -> list[challenges.Challenge]:
    """Return the challenges of an answer."""
    return challenges.parse(response.all("www-authenticate"))


def ping_outcome(response: Response) -> str:
    """Classify the answer to GET /v2/ (OCI distribution spec 1.1, "Determining Support")."""
    status = response.status
    if status == 401:
        known = {one.scheme for one in demanded(response)} & {"bearer", "basic"}
        return "challenge" if known else "unauthorized"
    if status in (403, 451):
        return "forbidden"
    if status in (404, 429):
        return "not-found" if status == 404 else "rate-limited"
    if status >= 500:
        return "server-error"
    if status != 200 or response.ending in ("truncated", "malformed"):
        return "not-registry"
    if response.header("docker-distribution-api-version"):
        return "ok"
    # A registry answers {} or nothing; anything else that says 200 to any path is no registry.
    empty = not response.body.strip() or read_json(response.body) == {}
    return "ok" if empty and not is_html(response) else "not-registry"


def manifest_outcome(response: Response, *, authorised: bool) -> str:
    """Classify the answer for a manifest; `authorised` tells that an anonymous token was sent."""
    status, said = response.status, complaint(response)
    if status == 200:
        return "malformed" if is_html(response) or response.ending != "complete" else "ok"
    if status == 401:
        refused = any(c.params.get("error") == "insufficient_scope" for c in demanded(response))
        return "denied" if said.code == "DENIED" or (authorised and refused) else "unauthorized"
    if status in (403, 451):
        return "denied" if said.code in ("DENIED", "UNAUTHORIZED", "FORBIDDEN") else "forbidden"
    if status == 404:
        return _missing(response, said)
    if status == 429:
        return "rate-limited"
    return "server-error" if status >= 500 else "malformed"


def _missing(response: Response, said: Complaint) -> str:
    """Tell a missing tag from a missing repository; Harbor has one code, NOT_FOUND, for both."""
    if said.code == "NAME_UNKNOWN":
        return "name-unknown"
    if said.code == "NOT_FOUND" and said.message.startswith(("repository ", "project ")):
        return "name-unknown"
    if is_html(response) and not response.header("docker-distribution-api-version"):
        return "malformed"
    return "not-found"


def fields(**values: Value) -> Mapping[str, Value]:
    """Return the fields that were learnt: those that are neither None nor empty text."""
    return {name: value for name, value in values.items() if value is not None and value != ""}


def _number(text: str | None) -> int | None:
    digits = (text or "").partition(";")[0].strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None
