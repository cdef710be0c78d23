"""Faults between here and the hosts of a registry, names resolving as they should."""

from typing import Final

from .. import addresses
from ..lab import Lab
from ..manners import Answer, Behaviour, Wire
from .model import Break

_HUB: Final = addresses.HOSTS[addresses.HUB]
_TOKENS: Final = addresses.HOSTS[addresses.TOKENS]
_BLOBS: Final = addresses.HOSTS[addresses.BLOBS]
_FACTS: Final = {"registry": addresses.HUB}


def _no_default_route(lab: Lab) -> None:
    lab.here.script("ip route del default")
    lab.when_healing(lambda: lab.here.script(f"ip route add default via {addresses.GATEWAY}"))


def _blobs_dropped(lab: Lab) -> None:
    """Drop, with fewer SYNs: docker tries six times, each for Go's thirty seconds."""
    lab.here.script("sysctl -qw net.ipv4.tcp_syn_retries=1")
    lab.when_healing(lambda: lab.here.script("sysctl -qw net.ipv4.tcp_syn_retries=6"))
    lab.firewall.drop(addresses.BLOBS)


BREAKS: Final = (
    Break(
        id="registry-port-closed",
        group="registry",
        expect="registry-connection-refused",
        facts=_FACTS,
        words=rf"dial tcp {_HUB}:443: connect: connection refused",
        apply=lambda lab: lab.firewall.refuse(addresses.HUB),
    ),
    Break(
        id="registry-dropped",
        group="registry",
        expect="registry-timeout",
        facts=_FACTS,
        words=r"registry-1\.docker\.io/v2/\": .*(i/o timeout|waiting for connection|context deadline exceeded)",
        apply=lambda lab: lab.firewall.drop(addresses.HUB),
        note="packets to port 443 vanish",
    ),
    Break(
        id="registry-reset",
        group="registry",
        expect="registry-connection-reset",
        facts=_FACTS,
        words=r"(read|write): connection reset by peer",
        apply=lambda lab: lab.wire(addresses.HUB, Wire.RESET),
        note="RST in answer to the TLS hello",
    ),
    Break(
        id="registry-closes",
        group="registry",
        expect="registry-connection-reset",
        facts=_FACTS,
        words=r'/v2/": EOF',
        apply=lambda lab: lab.wire(addresses.HUB, Wire.CLOSE),
        note="FIN in answer to the TLS hello",
    ),
    Break(
        id="registry-host-unreachable",
        group="registry",
        expect="network-unreachable",
        facts=_FACTS,
        words=rf"dial tcp {_HUB}:443: connect: no route to host",
        apply=lambda lab: lab.firewall.unreachable(addresses.HUB),
    ),
    Break(
        id="no-default-route",
        group="registry",
        expect="network-unreachable",
        words=rf"dial tcp {_HUB}:443: connect: network is unreachable",
        apply=_no_default_route,
        note="the resolver is on the link and still answers",
    ),
    Break(
        id="registry-ipv6-only",
        group="registry",
        expect="ipv6-unreachable",
        also=("network-unreachable",),
        facts={"host": addresses.HUB, "address": f"[{addresses.IPV6_HOST}]:443"},
        words=r"dial tcp \[2600:[0-9a-f:]+\]:443: connect: network is unreachable",
        apply=lambda lab: lab.dns(Behaviour.IPV6_ONLY, addresses.HUB),
        note="the name has only an AAAA record here; IPv6 is on, without a route out",
    ),
    Break(
        id="token-port-closed",
        group="registry",
        expect="registry-connection-refused",
        facts={"host": addresses.TOKENS},
        words=rf"{addresses.TOKENS}/token\?.*dial tcp {_TOKENS}:443: connect: connection refused",
        apply=lambda lab: lab.firewall.refuse(addresses.TOKENS),
    ),
    Break(
        id="blob-port-closed",
        group="registry",
        expect="registry-connection-refused",
        also=("pull-interrupted",),
        facts={"address": f"{_BLOBS}:443"},
        words=rf"dial tcp {_BLOBS}:443: connect: connection refused",
        apply=lambda lab: lab.firewall.refuse(addresses.BLOBS),
        note="manifests work; the text does not name the blob host",
    ),
    Break(
        id="blob-dropped",
        group="registry",
        expect="registry-timeout",
        also=("pull-interrupted",),
        facts={"address": f"{_BLOBS}:443"},
        words=rf"dial tcp {_BLOBS}:443: connect: connection timed out",
        apply=_blobs_dropped,
        note="manifests work; the kernel gives up after 3 seconds instead of Go after 30",
    ),
    Break(
        id="download-cut",
        group="registry",
        expect="pull-interrupted",
        image="big",
        words=r"unexpected EOF",
        apply=lambda lab: lab.answer(addresses.BLOBS, Answer.CUT),
        note="every layer breaks off after 64 KiB, and at once when resumed",
    ),
    Break(
        id="k8s-registry-dropped",
        group="registry",
        expect="k8s-registry-blocked",
        also=("registry-timeout",),
        facts={"registry": addresses.K8S},
        image=f"{addresses.K8S}/pause:3.9",
        words=r"registry\.k8s\.io/v2/\": .*(i/o timeout|waiting for connection|context deadline exceeded)",
        apply=lambda lab: lab.firewall.drop(addresses.K8S),
        note="Docker Hub works; registry.aliyuncs.com/google_containers has the image",
    ),
)
