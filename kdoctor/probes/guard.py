"""Which addresses kdoctor never talks to, whatever a text, a name or a redirect says.

Checked after resolution, on the very address that is then dialled: link-local addresses and the
metadata services of clouds, which hand out credentials to whoever asks.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

IP = ipaddress.IPv4Address | ipaddress.IPv6Address

DNS_PORT = 53

# Addresses outside the link-local ranges on which clouds serve credentials or control a machine.
_METADATA = {
    ipaddress.ip_address(text): owner
    for text, owner in (
        ("100.100.100.200", "Alibaba Cloud"),
        ("192.0.0.192", "Oracle Cloud"),
        ("168.63.129.16", "Azure"),
        ("fd00:ec2::254", "AWS"),
        ("fd00:ec2::23", "AWS"),
        ("fd20:ce::254", "Google Cloud"),
        ("fd00:42::42", "Scaleway"),
    )
}
# Names of metadata services: through a proxy nobody here sees the address that they resolve to.
_METADATA_NAMES = frozenset(
    {"metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"}
)
# Prefixes that carry an IPv4 address which a translator dials (RFC 6052, RFC 8215).
_NAT64 = tuple(ipaddress.IPv6Network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48"))


def refusal(address: str, port: int, resolvers: Iterable[str] = ()) -> str | None:
    """Return why the IP must not be dialled, None when it may.

    `resolvers` are the nameservers ("ip" or "ip:port") of the vantage's own settings: port 53 of
    those is allowed wherever they are (169.254.20.10 is node-local DNS, 168.63.129.16 Azure's).
    """
    try:
        given = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return f"{address} is not an IP address"
    if port == DNS_PORT and str(given) in {_without_zone(one) for one in resolvers}:
        return None
    return next((reason for one in _meant(given) if (reason := _refused(one))), None)


def refusal_of_name(host: str) -> str | None:
    """Return why a host must not be asked for by name, through a proxy for instance."""
    name = host.lower().rstrip(".")
    return f"{host} is the name of a metadata service" if name in _METADATA_NAMES else None


def endpoint(server: str) -> tuple[IP | None, int]:
    """Split a nameserver, "ip", "ip:port" or "[ip6]:port", port 53 by default; None when it is no IP."""
    host, port = server, ""
    if server.startswith("["):
        host, _, port = server[1:].partition("]")
        port = port.removeprefix(":")
    elif server.count(":") == 1:
        host, _, port = server.partition(":")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        return None, 0
    try:
        return ipaddress.ip_address(host), int(port) if port else DNS_PORT
    except ValueError:
        return None, 0


def _without_zone(server: str) -> str | None:
    """Return the IP of a nameserver on port 53, None for one on another port."""
    address, port = endpoint(server)
    return str(address).partition("%")[0] if address and port == DNS_PORT else None


def _meant(address: IP) -> list[IP]:
    """Return the address and the IPv4 addresses that it stands for (mapped, 6to4, NAT64)."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    inner = [address.ipv4_mapped, address.sixtofour]
    if any(address in network for network in _NAT64):
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if int(address) >> 32 == 0 and int(address) > 1:  # ::a.b.c.d, deprecated by RFC 4291
        inner.append(ipaddress.IPv4Address(int(address)))
    return [address, *(one for one in inner if one is not None)]


def _refused(address: IP) -> str | None:
    if address in _METADATA:
        return f"{address} is a metadata address of {_METADATA[address]}"
    if address.is_link_local:
        return f"{address} is link-local: metadata services live there"
    if address.is_multicast or address == ipaddress.IPv4Address("255.255.255.255"):
        return f"{address} is no single machine's address"
    return None
