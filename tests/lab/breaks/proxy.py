"""Faults of the proxy, where only a proxy leads out, as in a company."""

from typing import Final

from .. import addresses
from ..lab import Lab
from .model import Break

_HOST: Final = addresses.PROXY
_ADDRESS: Final = addresses.HOSTS[_HOST]
_LISTENING: Final = f"{_HOST}:{addresses.PROXY_OPEN}"


def _port(port: int) -> str:
    return f"http://{_HOST}:{port}"


def _unreachable(lab: Lab) -> None:
    lab.proxied()
    lab.firewall.unreachable(_HOST)


def _for_http_alone(lab: Lab) -> None:
    lab.firewall.block_egress()
    lab.docker.configure({"HTTP_PROXY": f"http://{_LISTENING}"})
    lab.docker.restart()


def _moved(lab: Lab) -> None:
    lab.relay(7897, _ADDRESS, addresses.PROXY_OPEN)
    lab.proxied("http://127.0.0.1:7890")


BREAKS: Final = (
    Break(
        id="proxy-port-closed",
        group="proxy",
        expect="proxy-connection-refused",
        facts={"proxy": f"{_HOST}:{addresses.PROXY_CLOSED}"},
        words=rf"proxyconnect tcp: dial tcp {_ADDRESS}:\d+: connect: connection refused",
        apply=lambda lab: lab.proxied(_port(addresses.PROXY_CLOSED)),
        note="the text has the proxy's address, the setting its name; it listens on other ports",
    ),
    Break(
        id="proxy-loopback-closed",
        group="proxy",
        expect="proxy-connection-refused",
        facts={"proxy": "127.0.0.1:7890"},
        words=r"proxyconnect tcp: dial tcp 127\.0\.0\.1:7890: connect: connection refused",
        apply=lambda lab: lab.proxied("http://127.0.0.1:7890"),
    ),
    Break(
        id="proxy-moved",
        group="proxy",
        expect="proxy-connection-refused",
        facts={"proxy": "127.0.0.1:7890"},
        words=r"proxyconnect tcp: dial tcp 127\.0\.0\.1:7890: connect: connection refused",
        apply=_moved,
        note="a proxy that works listens on 127.0.0.1:7897",
    ),
    Break(
        id="proxy-name-unknown",
        group="proxy",
        expect="proxy-dns-failure",
        facts={"host": addresses.UNKNOWN_PROXY, "resolver": f"{addresses.RESOLVER}:53"},
        words=rf"proxyconnect tcp: dial tcp: lookup {addresses.UNKNOWN_PROXY} on .*no such host",
        apply=lambda lab: lab.proxied(f"http://{addresses.UNKNOWN_PROXY}:3128"),
    ),
    Break(
        id="proxy-silent",
        group="proxy",
        expect="proxy-unreachable",
        also=("registry-timeout",),
        facts={"proxy": f"{_HOST}:{addresses.PROXY_SILENT}"},
        words=r"registry-1\.docker\.io/v2/\": .*(waiting for connection|context deadline exceeded)",
        apply=lambda lab: lab.proxied(_port(addresses.PROXY_SILENT)),
        note="accepts connections and never answers; the text accuses the registry",
    ),
    Break(
        id="proxy-host-unreachable",
        group="proxy",
        expect="proxy-unreachable",
        facts={"proxy": _LISTENING},
        words=rf"proxyconnect tcp: dial tcp {_ADDRESS}:3128: connect: no route to host",
        apply=_unreachable,
    ),
    Break(
        id="proxy-wants-credentials",
        group="proxy",
        expect="proxy-auth-required",
        facts={"proxy": f"{_HOST}:{addresses.PROXY_AUTH}"},
        words=r"Proxy Authentication Required",
        apply=lambda lab: lab.proxied(_port(addresses.PROXY_AUTH)),
    ),
    Break(
        id="proxy-not-for-registry",
        group="proxy",
        expect="network-unreachable",
        facts={"registry": addresses.HUB},
        words=rf"dial tcp {addresses.HOSTS[addresses.HUB]}:443: connect: no route to host",
        apply=lambda lab: lab.proxied(no_proxy="localhost,.docker.io"),
        note="NO_PROXY sends Docker Hub past the only way out; what the proxy reaches says nothing of it",
    ),
    Break(
        id="proxy-wrong-password",
        group="proxy",
        expect="proxy-auth-required",
        words=r"Proxy Authentication Required",
        apply=lambda lab: lab.proxied(f"http://dev:wrong@{_HOST}:{addresses.PROXY_CODED + 407}"),
        note="credentials are set, and the proxy does not take them",
    ),
    Break(
        id="proxy-gateway-timeout",
        group="proxy",
        expect="proxy-denied",
        facts={"proxy": f"{_HOST}:{addresses.PROXY_CODED + 504}"},
        words=r'v2/": Gateway Timeout',
        apply=lambda lab: lab.proxied(_port(addresses.PROXY_CODED + 504)),
    ),
    Break(
        id="proxy-closes-tunnel",
        group="proxy",
        expect="registry-connection-reset",
        words=r'v2/": EOF',
        apply=lambda lab: lab.proxied(_port(addresses.PROXY_CODED + 200)),
        note="answers 200 to CONNECT and closes",
    ),
    Break(
        id="proxy-scheme-socks5h",
        group="proxy",
        expect="proxy-scheme-mismatch",
        also=("proxy-url-invalid",),
        words=r"proxyconnect tcp: dial tcp: lookup socks5h on .*no such host",
        apply=lambda lab: lab.proxied(f"socks5h://{_LISTENING}"),
        note="Go before 1.23 takes the scheme for the host, and the port speaks HTTP besides",
    ),
    Break(
        id="proxy-denies",
        group="proxy",
        expect="proxy-denied",
        facts={"proxy": f"{_HOST}:{addresses.PROXY_DENY}"},
        words=r'v2/": Forbidden',
        apply=lambda lab: lab.proxied(_port(addresses.PROXY_DENY)),
    ),
    Break(
        id="proxy-scheme-https",
        group="proxy",
        expect="proxy-scheme-mismatch",
        facts={"proxy": _LISTENING},
        words=r"proxyconnect tcp: tls: first record does not look like a TLS handshake",
        apply=lambda lab: lab.proxied(f"https://{_LISTENING}"),
    ),
    Break(
        id="proxy-scheme-socks",
        group="proxy",
        expect="proxy-scheme-mismatch",
        facts={"proxy": _LISTENING},
        words=r"socks connect tcp|waiting for connection",
        apply=lambda lab: lab.proxied(f"socks5://{_LISTENING}"),
    ),
    Break(
        id="proxy-value-dropped",
        group="proxy",
        expect="proxy-url-invalid",
        also=("network-unreachable",),
        words=rf"dial tcp {addresses.HOSTS[addresses.HUB]}:443: connect: no route to host",
        apply=lambda lab: lab.proxied(f"http://dev:50%off@{_LISTENING}"),
        note="Go drops a URL with a raw % in silence and dials the registry, which is blocked",
    ),
    Break(
        id="proxy-lacks-exception",
        group="proxy",
        expect="no-proxy-missing",
        also=("proxy-denied",),
        facts={"host": addresses.CORP},
        image=f"{addresses.CORP}/team/app:1",
        words=r'Get "https://registry\.corp\.test/v2/": Internal Server Error',
        apply=lambda lab: lab.proxied(no_proxy="localhost,127.0.0.1"),
        note="the company's own registry, directly reachable; the proxy does not know its name",
    ),
    Break(
        id="proxy-for-http-alone",
        group="proxy",
        expect="network-unreachable",
        facts={"registry": addresses.HUB},
        words=rf"dial tcp {addresses.HOSTS[addresses.HUB]}:443: connect: no route to host",
        apply=_for_http_alone,
        note="HTTP_PROXY is set and HTTPS_PROXY is not: registries are asked directly",
    ),
)
