"""The mirrors on the page: what each serves, and how the best one is used."""

from __future__ import annotations

from kdoctor.listings import Offer
from kdoctor.model import CUT, UNSEEN, Report
from kdoctor.report import safety
from kdoctor.report.diagnosis import put_fix
from kdoctor.report.layout import Page, Span, Style, columns, pad
from kdoctor.report.words import Words

_WIDEST = 48
"""Columns for a mirror's name; a longer one moves the rest of its line."""


def put_offers(page: Page, report: Report, say: Words, verbose: int) -> None:
    """Put a table for each registry, the best mirror first, then how to use it."""
    for registry in dict.fromkeys(offer.of for offer in report.offers):
        offers = [offer for offer in report.offers if offer.of == registry]
        page.gap()
        page.text(say.mirrors_of.format(registry=registry, vantage=offers[0].vantage), style="head")
        width = min(max(columns(safety.one_line(offer.repository)) for offer in offers), _WIDEST)
        for offer in offers:
            _put_offer(page, offer, say, width, verbose)
    if report.offers and not any(offer.serves for offer in report.offers):
        page.gap()
        page.text(say.no_mirror, style="warn")
    for number, fix in enumerate(report.fixes):
        page.gap()
        put_fix(page, fix, say, say.other_fixes if number else say.use_best, verbose)


def state(offer: Offer, say: Words) -> tuple[str, Style]:
    """Return the word for what came of asking a mirror, and its style."""
    if offer.outcome in (UNSEEN, CUT):
        return (say.unseen if offer.outcome == UNSEEN else say.cut), "warn"
    if offer.outcome == "not-mirrored":
        return say.skipped, "dim"
    return (say.ok, "good") if offer.serves else (say.failed, "bad")


def digest_word(offer: Offer, say: Words) -> tuple[str, Style]:
    """Return what the mirror's digest says: the same, another (a warning), or nothing to compare with."""
    if not offer.serves or offer.digest is None:
        return "", ""
    if offer.same is None:
        return say.digest_alone, "dim"
    return (say.digest_same, "good") if offer.same else (say.digest_other, "bad")


def speed(offer: Offer) -> str:
    """Return the rate of the first bytes, in decimal units a second."""
    rate = offer.rate or 0
    for unit, size in (("MB/s", 1_000_000), ("kB/s", 1_000)):
        if rate >= size:
            return f"{rate / size:.1f} {unit}"
    return f"{rate} B/s" if rate else ""


def _put_offer(page: Page, offer: Offer, say: Words, width: int, verbose: int) -> None:
    word, style = state(offer, say)
    room = max(columns(w) for w in (say.ok, say.failed, say.skipped, say.unseen, say.cut))
    digest, digest_style = digest_word(offer, say)
    figures = f"{say.seconds.format(seconds=offer.seconds)}  {speed(offer)}".rstrip() if offer.serves else ""
    page.row(
        Span(f"  {pad(word, room)}  ", style),
        Span(pad(safety.one_line(offer.repository), width)),
        Span(f"  {figures}" if figures else ""),
        Span(f"  {digest}" if digest else "", digest_style),
    )
    indent = 4 + room
    if not offer.serves or offer.same is False:
        page.text(offer.detail if not offer.serves else f"{say.digest_beware} {offer.digest}", indent=indent)
    if verbose:
        known = say.last_known.format(when=offer.last_known) if offer.last_known else ""
        for line in (offer.image, offer.digest or "", say.comma.join(p for p in (known, offer.source) if p)):
            if line:
                page.text(line, indent=indent, style="dim")
    elif offer.last_known and not offer.serves:
        page.text(say.last_known.format(when=offer.last_known), indent=indent, style="dim")
