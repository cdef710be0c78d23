"""`kdoctor route`: the way of URLs from every vantage."""

from __future__ import annotations

import time
from dataclasses import replace

from kdoctor.cli.options import Shared
from kdoctor.errors import UsageError
from kdoctor.model import Report, Route, Status
from kdoctor.reading.extract import without_userinfo


def route(options: Shared, urls: list[str], via: tuple[str, ...]) -> int:
    """Print the routes; 0, or 3 where a vantage that is there could not be asked."""
    from kdoctor.machine import Machine
    from kdoctor.remote import ways
    from kdoctor.run.situation import run
    from kdoctor.vantages import Vantage, look

    began = time.monotonic()
    for url in urls:
        if "://" not in url:
            raise UsageError(f'"{url}" is no URL; give one such as https://{url}')
    vantages = run(look(Machine.here(), via=[ways.given(one) for one in via]))

    def one(vantage: Vantage, url: str) -> Route:
        found = vantage.proxies().route(url)
        shown = without_userinfo(url)
        return Route(shown, vantage.name, found.proxy, found.because, found.error, found.unseen)

    routes = tuple(one(vantage, url) for url in urls for vantage in vantages.all())
    lost = tuple(
        Route(without_userinfo(url), far.name, None, "", unseen=far.because)
        for url in urls
        for far in vantages.unreached
    )
    report = Report("route", Status.HEALTHY, options.lang, routes=(*routes, *lost))
    options.deliver(replace(report, seconds=time.monotonic() - began))
    return 0
