"""What is said of a name before any nameserver is asked: hosts file, search list, valid or not.

Follows Go's net package: isDomainName, dnsConfig.nameList, lookupStaticHost.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence

from kdoctor import registries
from kdoctor.machine import Machine

_HOSTS_LIMIT = 16 * 1024 * 1024  # lists that block advertisements are long
_LABELS = re.compile(
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?"
)

# What no public service has: "this host", loopback, reserved, documentation. Not 198.18.0.0/15, the
# fake addresses of a TUN proxy, nor private ranges: a company may well send names to its own mirror.
_IMPOSSIBLE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        "::/128",
        "::1/128",
        "100::/64",
        "2001:db8::/32",
        "fe80::/10",
        "ff00::/8",
    )
)


def literal(name: str) -> str | None:
    """Return the IP address that the name is, in or out of brackets, None when it is a name."""
    bare = name[1:-1] if name.startswith("[") and name.endswith("]") else name
    try:
        ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return bare


def is_domain_name(name: str) -> bool:
    """Tell whether Go would ask a nameserver at all; `"http` it would not."""
    bare = name.removesuffix(".")
    return 0 < len(bare) <= 253 and bool(_LABELS.fullmatch(name)) and not bare.replace(".", "").isdigit()


def candidates(name: str, search: Sequence[str], ndots: int) -> list[str]:
    """Return the absolute names to ask for, in Go's order."""
    if name.endswith("."):
        return [] if _avoided(name) else [name]
    bare = name + "."
    suffixed = [f"{name}.{suffix.strip('.')}." for suffix in search if suffix.strip(".")]
    several = [bare, *suffixed] if name.count(".") >= ndots else [*suffixed, bare]
    return [one for one in several if not _avoided(one) and len(one) <= 254]


def _avoided(name: str) -> bool:
    return name.lower().endswith(".onion.")  # RFC 7686


def in_hosts_file(machine: Machine, name: str) -> tuple[str, ...]:
    """Return the addresses that the hosts file gives the name; Go then asks nobody else."""
    path = hosts_path(machine)
    wanted = name.rstrip(".").lower()
    found: list[str] = []
    for line in (machine.read(path, _HOSTS_LIMIT) or "").splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if any(one.rstrip(".").lower() == wanted for one in names) and literal(address) and address not in found:
            found.append(address)
    return tuple(found)


def hosts_path(machine: Machine) -> str:
    """Return where the hosts file is."""
    return r"C:\Windows\System32\drivers\etc\hosts" if machine.os == "windows" else "/etc/hosts"


def impossible(addresses: Iterable[str]) -> list[str]:
    """Return the addresses that cannot belong to a public registry."""
    parsed = ((text, ipaddress.ip_address(text.partition("%")[0])) for text in addresses)
    return [text for text, address in parsed if any(address in network for network in _IMPOSSIBLE)]


def is_public(name: str) -> bool:
    """Tell whether everybody knows the name: a well-known registry, its token server or where its blobs are."""
    host = name.lower().removesuffix(".")
    return registries.is_well_known(host) or any(
        host in (*registries.token_hosts(one), *registries.blob_hosts(one)) for one in registries.WELL_KNOWN
    )


def families(addresses: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split addresses into those of IPv4 and those of IPv6."""
    every = tuple(addresses)
    return tuple(one for one in every if ":" not in one), tuple(one for one in every if ":" in one)


def asks_system(machine: Machine, name: str = "") -> bool:
    """Tell whether Go programs there may ask the C library: not Linux, or nsswitch has other sources.

    After net/conf.go: files, dns and the special cases myhostname and mdns* are Go's own; anything
    else, systemd's "resolve" above all, goes to getaddrinfo where the program was built with cgo, and
    so do names under .local.
    """
    if machine.os != "linux" or name.lower().removesuffix(".").endswith(".local"):
        return True
    for line in (machine.read("/etc/nsswitch.conf") or "").splitlines():
        key, _, sources = line.partition("#")[0].partition(":")
        if key.strip() == "hosts":
            words = re.sub(r"\[[^\]]*\]", " ", sources).split()
            return any(one not in ("files", "dns", "myhostname") and not one.startswith("mdns") for one in words)
    return False
