"""Proxy settings with the place each one came from, and the route that they give a URL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kdoctor.settings import goproxy, proxyvalue
from kdoctor.settings.goproxy import Reason
from kdoctor.settings.reasons import words
from kdoctor.settings.source import Source

__all__ = ["Decision", "ProxySettings", "Setting", "Source", "from_environment"]


@dataclass(frozen=True, slots=True)
class Setting:
    """A proxy variable's value and its source. The value may hold a password: show `shown` instead.

    `masked` tells that the program which gave the value had replaced its user and password by xxxxx.
    """

    variable: str
    value: str = field(repr=False)
    source: Source
    masked: bool = False

    @property
    def shown(self) -> str:
        """The value without user and password."""
        return proxyvalue.without_userinfo(self.value)

    @property
    def endpoint(self) -> tuple[str, int] | None:
        """Host and port that Go dials for the value, None where it makes no proxy of it."""
        return proxyvalue.endpoint(self.value)

    @property
    def problem(self) -> str | None:
        """What is wrong with the value, as a sentence; None where nothing is."""
        return proxyvalue.problem(self.value)


@dataclass(frozen=True, slots=True)
class Decision:
    """The way of one URL: `proxy` is the proxy's URL without userinfo, None for direct.

    `error` is Go's refusal, `raw` the URL with userinfo, for dialling only (None where the userinfo is
    masked and so unknown), `problem` what is wrong with the setting, `unseen` why nobody knows.
    """

    proxy: str | None
    because: str
    error: str | None = None
    setting: Setting | None = None
    raw: str | None = field(default=None, repr=False)
    problem: str | None = None
    unseen: str | None = None
    endpoint: tuple[str, int] | None = None
    entry: str | None = None


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """The proxy settings in effect for a puller. `unseen` says why they are not known, and then all are None.

    `notes` are sentences on settings that stand in a file and are not in effect.
    """

    http: Setting | None = None
    https: Setting | None = None
    no_proxy: Setting | None = None
    cgi: bool = False
    unseen: str | None = None
    notes: tuple[str, ...] = ()

    def settings(self) -> tuple[Setting, ...]:
        """Return the settings that there are."""
        return tuple(s for s in (self.http, self.https, self.no_proxy) if s is not None)

    def endpoints(self) -> tuple[str, ...]:
        """Return host:port of each proxy that is set, without repetition."""
        found = [s.endpoint for s in (self.https, self.http) if s is not None]
        return tuple(dict.fromkeys(join_host_port(*e) for e in found if e is not None))

    def route(self, url: str, lang: str = "en") -> Decision:
        """Return how a Go program with these settings reaches the URL; `because` is in the language."""
        if self.unseen is not None:
            why = words(lang).unseen(self.unseen)
            return Decision(None, why, unseen=why)
        decided = goproxy.decide(self._config(), url)
        scheme = url.partition(":")[0].lower()
        setting = {"http": self.http, "https": self.https}.get(scheme)
        proxy = decided.proxy
        return Decision(
            proxy=proxyvalue.printable(proxy) if proxy else None,
            because=self._because(decided, scheme, setting, lang),
            error=decided.error,
            setting=setting,
            raw=proxy.text() if proxy and not (setting and setting.masked) else None,
            problem=setting.problem if setting and decided.reason in (Reason.SET, Reason.DROPPED) else None,
            endpoint=goproxy.endpoint(proxy) if proxy else None,
            entry=decided.entry,
        )

    def _config(self) -> goproxy.Config:
        return goproxy.Config(
            http=self.http.value if self.http else "",
            https=self.https.value if self.https else "",
            no_proxy=self.no_proxy.value if self.no_proxy else "",
            cgi=self.cgi,
        )

    def _because(self, decided: goproxy.Decision, scheme: str, setting: Setting | None, lang: str) -> str:
        say = words(lang)
        other = {"http": self.https, "https": self.http}.get(scheme)
        if decided.reason is Reason.UNSET and other is not None:
            return say.other.format(name=f"{scheme.upper()}_PROXY", other=other.variable, scheme=scheme)
        decisive = self.no_proxy if decided.reason is Reason.NO_PROXY else setting
        name = decisive.variable if decisive else f"{scheme.upper()}_PROXY"
        origin = say.origin(decisive.source if decisive else None)
        return say.reasons[decided.reason].format(name=name, origin=origin, entry=decided.entry)


def from_environment(env: Mapping[str, str], source: Source | None = None) -> ProxySettings:
    """Return the settings that Go reads from the environment: upper case first, empty means unset."""

    def setting(name: str) -> Setting | None:
        variable = name if env.get(name) else name.lower()
        value = env.get(variable)
        place = source or Source("environment", f"the environment variable {variable} of this shell")
        return Setting(variable, value, place) if value else None

    return ProxySettings(
        http=setting("HTTP_PROXY"),
        https=setting("HTTPS_PROXY"),
        no_proxy=setting("NO_PROXY"),
        cgi=bool(env.get("REQUEST_METHOD")),
    )


def join_host_port(host: str, port: int) -> str:
    """Return host:port, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
