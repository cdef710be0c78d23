"""Faults of name resolution, direct egress being open."""

from typing import Final

from .. import addresses
from ..lab import Lab
from ..manners import Behaviour
from .model import Break

_FACTS: Final = {"host": addresses.HUB, "resolver": f"{addresses.RESOLVER}:53"}
_LOOKUP: Final = rf"lookup {addresses.HUB} on {addresses.RESOLVER}:53: "


def _empty_resolv_conf(lab: Lab) -> None:
    lab.here.write("/etc/resolv.conf", "")
    lab.docker.restart()


def _no_address(lab: Lab) -> None:
    lab.here.write("/etc/resolv.conf", "nameserver resolver.corp.test\n")
    lab.docker.restart()


def _hosts(lab: Lab, address: str) -> None:
    hosts = lab.here.path("/etc/hosts").read_text()
    lab.here.write("/etc/hosts", f"{hosts}{address} {addresses.HUB}\n")
    lab.when_healing(lambda: lab.here.write("/etc/hosts", hosts))
    lab.docker.restart()


BREAKS: Final = (
    Break(
        id="dns-nxdomain",
        group="resolver",
        expect="dns-no-such-host",
        facts=_FACTS,
        words=_LOOKUP + "no such host",
        apply=lambda lab: lab.dns(Behaviour.NXDOMAIN, addresses.HUB),
        note="for this name only; other resolvers know it",
    ),
    Break(
        id="dns-nodata",
        group="resolver",
        expect="dns-no-such-host",
        facts=_FACTS,
        words=_LOOKUP + "no such host",
        apply=lambda lab: lab.dns(Behaviour.NODATA, addresses.HUB),
        note="for this name only; other resolvers know it",
    ),
    Break(
        id="dns-servfail",
        group="resolver",
        expect="dns-server-misbehaving",
        facts=_FACTS,
        words=_LOOKUP + "server misbehaving",
        apply=lambda lab: lab.dns(Behaviour.SERVFAIL),
    ),
    Break(
        id="dns-refused",
        group="resolver",
        expect="dns-server-misbehaving",
        facts=_FACTS,
        words=_LOOKUP + "server misbehaving",
        apply=lambda lab: lab.dns(Behaviour.REFUSED),
    ),
    Break(
        id="dns-silent",
        group="resolver",
        expect="dns-timeout",
        facts=_FACTS,
        words=_LOOKUP + r"read udp \S+: i/o timeout",
        apply=lambda lab: lab.dns(Behaviour.SILENCE),
    ),
    Break(
        id="dns-port-closed",
        group="resolver",
        expect="dns-server-refused",
        facts=_FACTS,
        words=_LOOKUP + r"read udp \S+: read: connection refused",
        apply=lambda lab: lab.firewall.refuse(addresses.RESOLVER, 53),
    ),
    Break(
        id="hosts-file-blocks",
        group="resolver",
        expect="dns-server-misbehaving",
        also=("registry-connection-refused",),
        facts={"registry": addresses.HUB},
        words=r"dial tcp 127\.0\.0\.1:443: connect: connection refused",
        apply=lambda lab: _hosts(lab, "127.0.0.1"),
        note="as blockers of advertisements write it",
    ),
    Break(
        id="hosts-file-stale",
        group="resolver",
        expect="network-unreachable",
        facts={"address": "10.77.0.99:443"},
        words=r"dial tcp 10\.77\.0\.99:443: connect: no route to host",
        apply=lambda lab: _hosts(lab, "10.77.0.99"),
        note="as accelerators of registries leave it behind",
    ),
    Break(
        id="dns-token-host",
        group="resolver",
        expect="dns-no-such-host",
        facts={"host": addresses.TOKENS, "resolver": f"{addresses.RESOLVER}:53"},
        words=rf"{addresses.TOKENS}/token\?.*lookup {addresses.TOKENS} on .*no such host",
        apply=lambda lab: lab.dns(Behaviour.NXDOMAIN, addresses.TOKENS),
        note="the registry's own name resolves, and /v2/ works",
    ),
    Break(
        id="resolv-conf-no-address",
        group="resolver",
        expect="dns-resolv-conf-unusable",
        facts={"host": addresses.HUB},
        words=rf"lookup {addresses.HUB} on (\[::1\]|127\.0\.0\.1):53: .*connection refused",
        apply=_no_address,
        note="one finding of the file, once as a mistake in it and once as the end of the way",
    ),
    Break(
        id="resolv-conf-empty",
        group="resolver",
        expect="dns-resolv-conf-unusable",
        also=("dns-server-refused",),
        facts={"host": addresses.HUB},
        words=rf"lookup {addresses.HUB} on (\[::1\]|127\.0\.0\.1):53: .*connection refused",
        apply=_empty_resolv_conf,
    ),
)
