"""What the network between `here` and the hosts does with packets: nftables in `internet`."""

from typing import Final

from . import addresses
from .namespaces import Place

_TABLE: Final = "inet lab"
_BASE: Final = f"""\
add table {_TABLE}
add chain {_TABLE} input {{ type filter hook input priority 0; }}
flush chain {_TABLE} input
"""


class Firewall:
    """Rules for what arrives from `here`; the hosts among themselves are never touched."""

    def __init__(self, internet: Place) -> None:
        self._internet = internet

    def refuse(self, host: str, port: int = 443) -> None:
        """Answer as if nothing listened on the port."""
        self._add(
            f"ip daddr {_address(host)} tcp dport {port} reject with tcp reset",
            f"ip daddr {_address(host)} udp dport {port} reject with icmp port-unreachable",
        )

    def drop(self, host: str, port: int = 443) -> None:
        """Swallow what goes to the port."""
        self._add(f"ip daddr {_address(host)} tcp dport {port} drop")

    def unreachable(self, host: str) -> None:
        """Answer as the last router before a host that is gone."""
        self._add(f"ip daddr {_address(host)} reject with icmp host-unreachable")

    def block_egress(self) -> None:
        """Let nothing through to the public hosts, as a company with a proxy does."""
        public = ", ".join((addresses.PUBLIC_NETWORK, *addresses.PUBLIC_RESOLVERS))
        self._add(f"ip daddr {{ {public} }} reject with icmp admin-prohibited")

    def reset(self) -> None:
        """Let everything through."""
        self._nft(_BASE)

    def _add(self, *rules: str) -> None:
        prefix = f"add rule {_TABLE} input iifname {addresses.UPSTREAM}"
        self._nft(_BASE.partition("flush")[0] + "".join(f"{prefix} {rule}\n" for rule in rules))

    def _nft(self, commands: str) -> None:
        done = self._internet.run(["nft", "-f", "-"], stdin=commands)
        if done.returncode:
            raise RuntimeError(f"nft: {done.stderr}\n{commands}")


def _address(host: str) -> str:
    """Return the address of a host of the lab; an address is its own."""
    return addresses.HOSTS.get(host, host)
