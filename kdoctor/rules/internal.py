"""Whether a host belongs to a private network or a cluster, as far as its name or address tells."""

from __future__ import annotations

import ipaddress

_NETWORKS = tuple(
    map(
        ipaddress.ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "fc00::/7", "::1/128"),
    )
)
# Special-use names (RFC 6762, RFC 8375, RFC 6761), Kubernetes' own, and those that networks give themselves.
_SUFFIXES = (
    "local",
    "internal",
    "svc",
    "lan",
    "home",
    "corp",
    "intranet",
    "private",
    "localdomain",
    "home.arpa",
    "localhost",
)


def is_internal(host: str) -> bool:
    """Tell whether host[:port] (or a URL of it) is one that a proxy for the internet will not reach."""
    bare = host.partition("://")[2] or host
    bare = bare.split("/")[0].rpartition("@")[2].lower().rstrip(".")
    bare = (
        bare[1 : bare.find("]")] if bare.startswith("[") else bare.rpartition(":")[0] if bare.count(":") == 1 else bare
    )
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return bool(bare) and ("." not in bare or bare.endswith(tuple(f".{one}" for one in _SUFFIXES)))
    return any(address in network for network in _NETWORKS if network.version == address.version)
