"""The lab's resolvers: dnsmasq, and a server of our own for what dnsmasq cannot say."""

import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import dns.exception
import dns.message
import dns.query

from . import addresses
from .dns_server import TTL, OwnServer
from .manners import EVERY, Behaviour

_PORT: Final = 53
_OF_NAMES: Final = frozenset({Behaviour.ANSWER, Behaviour.NXDOMAIN, Behaviour.NODATA, Behaviour.IPV6_ONLY})
"""What dnsmasq can say of one name, or of all; REFUSED it says of all alone."""
_COMMON: Final = f"""\
no-resolv
no-hosts
no-ping
bind-interfaces
user=root
pid-file=
local-ttl={TTL}
"""


class Dnsmasq:
    """One dnsmasq that answers on some addresses until it is closed."""

    def __init__(self, file: Path, own: Iterable[str], records: str) -> None:
        listen = list(own)
        file.write_text(_COMMON + "".join(f"listen-address={address}\n" for address in listen) + records)
        self._log = file.with_suffix(".log")
        self._process = subprocess.Popen(
            ["dnsmasq", "--keep-in-foreground", "--log-facility=-", f"--conf-file={file}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._log.open("wb"),
        )
        self._wait(listen[0])

    def _wait(self, address: str, seconds: float = 5.0) -> None:
        deadline = time.monotonic() + seconds
        question = dns.message.make_query("localhost", "A")
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                dns.query.tcp(question, address, 0.5, _PORT)
            except (OSError, dns.exception.DNSException):
                time.sleep(0.005)
            else:
                return
        raise RuntimeError(f"dnsmasq does not answer on {address}: {self._log.read_text()}")

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(5)


def records(zone: Mapping[str, str], table: Mapping[str, Behaviour]) -> str:
    """Return dnsmasq's configuration for a zone some of whose names behave otherwise."""
    if table.get(EVERY) is Behaviour.REFUSED:
        return ""  # without records and upstream it refuses whatever it is asked
    lines = ["address=/#/"]  # NXDOMAIN for what is not known
    for name, address in zone.items():
        match table.get(name) or table.get(EVERY, Behaviour.ANSWER):
            case Behaviour.ANSWER:
                lines.append(f"host-record={name},{address}")
            case Behaviour.IPV6_ONLY:
                lines.append(f"host-record={name},{addresses.IPV6_HOST}")
            case Behaviour.NODATA:
                lines.append(f"txt-record={name},lab")
            case _:
                pass
    return "\n".join(lines) + "\n"


class CompanyResolver:
    """The resolver that `here` asks; its answer to each name (`*`: to all) can be switched."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "company.conf"
        self._table: dict[str, Behaviour] = {}
        self._serving: Dnsmasq | OwnServer = self._start()

    def behave(self, name: str, behaviour: Behaviour) -> None:
        """Answer questions for `name` in this way from now on."""
        self._table[name] = behaviour
        self._restart()

    def reset(self) -> None:
        """Answer truthfully again."""
        if self._table:
            self._table.clear()
            self._restart()

    def _restart(self) -> None:
        self._serving.close()
        self._serving = self._start()

    def _start(self) -> Dnsmasq | OwnServer:
        wanted = set(self._table.values())
        if wanted <= _OF_NAMES or self._table == {EVERY: Behaviour.REFUSED}:
            return Dnsmasq(self._file, [addresses.RESOLVER], records(addresses.HOSTS, self._table))
        return OwnServer(addresses.HOSTS, self._table, addresses.RESOLVER, _PORT)


def public(directory: Path) -> Dnsmasq:
    """Start the resolvers of the world, which never break; squid asks one, too."""
    own = (addresses.LOOPBACK_RESOLVER, *addresses.PUBLIC_RESOLVERS)
    return Dnsmasq(directory / "public.conf", own, records(addresses.PUBLIC_HOSTS, {}))
