"""`kdoctor route`: the way of URLs from every vantage."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kdoctor.cli.shared import Shared
from kdoctor.errors import UsageError
from kdoctor.model import Report, Route, Status
from kdoctor.reading.extract import without_userinfo
from kdoctor.rules.book import open_book

if TYPE_CHECKING:
    from kdoctor.vantages import Vantages

LOOK_SECONDS = 3.0
"""What looking for a daemon may take."""


def route(options: Shared, urls: list[str], via: tuple[str, ...]) -> int:
    """Print the routes; 0, or 3 where a vantage that is there could not be asked.

    An engine that is installed, not running, and named by no setting pulls nothing: it counts for nothing.
    """
    from kdoctor.machine import Machine
    from kdoctor.remote import ways
    from kdoctor.run.situation import run
    from kdoctor.vantages import Vantage, look

    began = time.monotonic()
    for url in urls:
        if "://" not in url:
            raise UsageError(f'"{url}" is no URL; give one such as https://{url}')
    if options.rules:
        open_book(options.rules)  # no rule decides a route; a mistake in them is told all the same
    seconds = min(options.timeout or LOOK_SECONDS, LOOK_SECONDS)
    vantages = run(look(Machine.here(), seconds, via=[ways.given(one) for one in via]))

    def one(vantage: Vantage, url: str) -> Route:
        found = vantage.proxies().route(url, options.lang)
        shown = without_userinfo(url)
        return Route(shown, vantage.name, found.proxy, found.because, found.error, found.unseen)

    routes = tuple(one(vantage, url) for url in urls for vantage in vantages.all())
    lost = tuple(
        Route(without_userinfo(url), far.name, None, "", unseen=far.because)
        for url in urls
        for far in vantages.unreached
    )
    blind = bool(lost) or any(one.unseen for one in routes if one.vantage != "docker" or not _stopped(vantages))
    status = Status.UNKNOWN if blind else Status.HEALTHY
    return options.deliver(
        Report("route", status, options.lang, routes=(*routes, *lost), blind=blind, seconds=time.monotonic() - began)
    )


def _stopped(vantages: Vantages) -> bool:
    docker = vantages.docker
    if docker is None or docker.process is not None or not docker.endpoint.default:
        return False
    socket = docker.endpoint.socket
    return socket is not None and not docker.machine.path(socket).exists()
