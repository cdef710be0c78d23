"""The puller's proxy: where its setting comes from, what its port speaks, and whether it lets us through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kdoctor.masking import mask
from kdoctor.model import CUT, UNSEEN, Value
from kdoctor.probes.ask import Found
from kdoctor.probes.dial import Clock, Opened, Proxy, Unreached, open_through, proxy_of, resolve
from kdoctor.probes.names import literal
from kdoctor.probes.streams import host_port, split_host_port
from kdoctor.registries import api_host
from kdoctor.settings import proxyvalue
from kdoctor.settings.goproxy import ascii_host
from kdoctor.settings.proxyvalue import credentials

if TYPE_CHECKING:
    from kdoctor.probes.ask import Asking
    from kdoctor.settings.proxy import Decision, ProxySettings, Setting

_DEFAULT_URL = "https://registry-1.docker.io/v2/"
_SCHEMES = ("http", "https", "socks5", "socks5h")


async def settings(ask: Asking, url: str | None = None) -> Found:
    """Say which proxy the puller uses for the URL, and which setting of which place decided."""
    url = url or _DEFAULT_URL
    configured = ask.vantage.proxies()
    decision = configured.route(url)
    if decision.unseen:
        return Found(UNSEEN, decision.unseen)
    data = _setting(decision, configured)
    if decision.error:
        return Found("invalid", f"Go refuses {mask(url)}: {decision.error}.", {**data, "problem": decision.error})
    if decision.problem and data.get("scheme") != "socks5h":  # known to Go since 1.23
        return Found("invalid", f"{decision.problem}.", data)
    if decision.proxy is None:
        return Found("direct", f"{mask(url)} is asked directly: {decision.because}.", data)
    return Found("set", f"{mask(url)} is asked through {mask(decision.proxy)}: {decision.because}.", data)


def _setting(decision: Decision, configured: ProxySettings) -> dict[str, Value]:
    data: dict[str, Value] = {"endpoints": configured.endpoints(), "reason": decision.because}
    if decision.proxy and decision.endpoint:
        data |= {
            "proxy": mask(decision.proxy),
            "endpoint": host_port(*decision.endpoint),
            "scheme": decision.proxy.partition("://")[0].lower(),
        }
    if decision.problem:
        data["problem"] = mask(decision.problem)
    if configured.no_proxy:
        data["no_proxy"] = configured.no_proxy.value
    setting = decision.setting
    if decision.proxy is None and not decision.problem:
        data |= _spare(decision, configured)
    if setting is None:
        return data
    data |= {
        "variable": setting.variable,
        "value": mask(setting.shown),
        "credentials": setting.masked or credentials(setting.value),
    }
    if decision.problem and (meant := proxyvalue.meant(setting.value)) is not None:
        data["meant"] = meant
    return _place(setting) | data


def _spare(decision: Decision, configured: ProxySettings) -> dict[str, Value]:
    """Return the proxy that is set and not asked for this URL, and the setting to change for it to be."""
    if decision.entry is not None and configured.no_proxy and decision.setting:
        spare, change, why = decision.setting, configured.no_proxy, {"entry": decision.entry}
    elif decision.setting is None and configured.http and not configured.https:
        spare, change, why = configured.http, configured.http, {"lacks": "HTTPS_PROXY"}
    else:
        return {}
    if spare.endpoint is None:
        return {}
    scheme, separator, _ = spare.value.partition("://")
    shown = f"{scheme.lower() if separator else 'http'}://{host_port(*spare.endpoint)}"
    return {"spare": mask(shown), **why, **_place(change)}


def _place(setting: Setting) -> dict[str, Value]:
    source = setting.source
    place = (("source", source.text), ("kind", source.kind), ("file", source.file), ("line", source.line))
    return {name: value for name, value in place if value is not None}


async def speaks(ask: Asking, proxy: str) -> Found:
    """Tell what the proxy's port speaks by its first answers to CONNECT, to TLS and to SOCKS5."""
    try:
        host, port = split_host_port(proxy)
    except ValueError as error:
        return Found("unresolved", f"{error}.")
    clock = Clock(ask)
    addresses = await resolve(ask, ascii_host(host))
    if isinstance(addresses, Unreached):
        return _not_resolved(addresses)
    from kdoctor.probes.greetings import converse

    return await converse(addresses, port, host, clock)


def _not_resolved(failed: Unreached) -> Found:
    outcome = failed.outcome if failed.outcome in (UNSEEN, CUT, "blocked") else "unresolved"
    return Found(outcome, failed.detail)


async def tunnel(ask: Asking, registry: str, proxy: str | None = None) -> Found:
    """Ask the puller's proxy (or the one given) for a tunnel to the registry, and close it again."""
    try:
        host, port = split_host_port(api_host(registry), 443)
        given = split_host_port(proxy) if proxy else None
    except ValueError as error:
        return Found("unresolved", f"{error}.")
    decision = ask.vantage.proxies().route(f"https://{host_port(host, port)}/v2/")
    through = _chosen(decision, proxy, given)
    if through is None:
        if decision.unseen or decision.error:
            return Found(UNSEEN, decision.unseen or f"Go refuses the request: {decision.error}.")
        return Found("no-proxy", f"{registry} is asked directly: {decision.because}.")
    opened = await open_through(ask, through, ascii_host(host), port, clock=Clock(ask))
    data: dict[str, Value] = {"endpoint": through.endpoint, "proxy": f"{through.scheme}://{through.endpoint}"}
    if opened.reply:
        said = (("status", opened.reply.status), ("reason", opened.reply.reason), ("server", opened.reply.server))
        data |= {name: value for name, value in said if value is not None}
        if opened.reply.schemes:
            data["schemes"] = opened.reply.schemes
    if isinstance(opened, Opened):
        opened.stream.close()
        return Found("ok", f"The proxy {through.endpoint} opens a tunnel to {host_port(host, port)}.", data)
    if opened.phase == "tunnel" and not literal(host):
        own = await ask.other("dns.lookup", name=ascii_host(host))
        if isinstance(addresses := own.data.get("addresses"), tuple):
            data["addresses"] = addresses
    return Found(_tunnel_outcome(opened), opened.detail, data)


def _chosen(decision: Decision, proxy: str | None, given: tuple[str, int] | None) -> Proxy | None:
    """Return the proxy to ask: the setting's; the one given has no credentials unless it is the setting's."""
    own = proxy_of(decision)
    if given is None or proxy is None:
        return own
    scheme, separator, _ = proxy.partition("://")
    scheme = scheme.lower() if separator and scheme.lower() in _SCHEMES else ""
    host = ascii_host(given[0])
    if own and (own.host.lower(), own.port) == (host.lower(), given[1]) and scheme in ("", own.scheme):
        return own
    return Proxy(host, given[1], scheme or "http")


def _tunnel_outcome(failed: Unreached) -> str:
    if failed.outcome in (UNSEEN, CUT, "blocked"):
        return failed.outcome
    if failed.phase == "resolve":
        return "blocked" if failed.outcome == "blocked" else "unresolved"
    return {"proxy-resolve": "unresolved", "proxy-tls": "tls"}.get(failed.phase, failed.outcome)


async def listeners(ask: Asking, proxy: str | None = None) -> Found:
    """Find a proxy on another local port when the configured one, which is on this machine, does not answer."""
    if proxy is None:
        endpoints = ask.vantage.proxies().endpoints()
        if not endpoints:
            return Found("none", "No proxy is configured that another port could stand in for.")
        proxy = endpoints[0]
    try:
        host, port = split_host_port(proxy)
    except ValueError as error:
        return Found("none", f"{error}.")
    from kdoctor.probes.listening import look

    return await look(ask, host, port)
