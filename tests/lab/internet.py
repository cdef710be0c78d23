"""The lab's internet: one process, the init of its own namespaces, that is every host.

It is told what to do by one JSON array a line on standard input, answers each with a line,
and ends, taking all of its children along, when the input does.
"""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from . import addresses, images, resolver
from .certificates import Certificates
from .front import Front, Hosts
from .manners import Answer, Behaviour, Certificate, Manners, Wire
from .proxies import CodedProxy, InterceptingProxy, SilentProxy, start_squid

_STORE_PORT: Final = 5000
_STORE: Final = f"""\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{inmemory: {{}}}}
http: {{addr: "127.0.0.1:{_STORE_PORT}"}}
"""


class Internet:
    """The running hosts, and the commands that change their manners."""

    def __init__(self, directory: Path) -> None:
        _own_addresses()
        config = directory / "registry.yml"
        config.write_text(_STORE)
        store = subprocess.Popen(
            ["docker-registry", "serve", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=(directory / "registry.log").open("wb"),
            stderr=subprocess.STDOUT,
        )
        squid = start_squid(directory)
        certificates = Certificates()
        certificates.write_trusted(directory / "ca.pem")
        certificates.write_private(directory / "private-ca.pem")
        self._children = (store, squid)
        self._manners = Manners()
        self._public = resolver.public(directory)
        self._company = resolver.CompanyResolver(directory)
        self._serve(certificates)

    def _serve(self, certificates: Certificates) -> None:
        hosts = Hosts(self._manners, certificates, _STORE_PORT)
        Front(hosts)
        Front(hosts, addresses.OTHER_PORT)
        SilentProxy()
        InterceptingProxy(hosts)
        for status in addresses.PROXY_CODES:
            CodedProxy(status)

    def wait_until_ready(self) -> None:
        """Fill the store and see squid listen."""
        _wait_for_port("127.0.0.1", _STORE_PORT)
        images.Store(_STORE_PORT).push(images.IMAGES)
        _wait_for_port(addresses.HOSTS[addresses.PROXY], addresses.PROXY_OPEN)

    def obey(self, command: list[str]) -> None:
        """Carry out one command: `[what, host, value]`, or `["reset"]`."""
        match command:
            case ["dns", name, value]:
                self._company.behave(name, Behaviour(value))
            case ["wire", host, value]:
                self._manners.wires[host] = Wire(value)
            case ["certificate", host, value]:
                self._manners.certificates[host] = Certificate(value)
            case ["answer", host, value]:
                self._manners.answers[host] = Answer(value)
            case ["reset"]:
                self._company.reset()
                self._manners.reset()
            case _:
                raise ValueError(f"unknown command: {command}")


def _own_addresses() -> None:
    """Make every address of the small internet local to this namespace."""
    local = [addresses.PUBLIC_NETWORK, *(f"{a}/32" for a in addresses.PUBLIC_RESOLVERS)]
    local += [f"{a}/32" for a in (addresses.RESOLVER, *addresses.CORP_HOSTS.values())]
    # Else only six ICMP errors in a row are sent, and a reject becomes a drop.
    Path("/proc/sys/net/ipv4/icmp_ratelimit").write_text("0")
    batch = ["link set lo up", *(f"route add local {prefix} dev lo" for prefix in local)]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(batch), text=True, check=True)


def _wait_for_port(address: str, port: int, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((address, port), 1.0).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def main() -> None:
    """Serve until standard input ends."""
    internet = Internet(Path(sys.argv[1]))
    internet.wait_until_ready()
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        try:
            internet.obey(json.loads(line))
            answer = None
        except ValueError as error:
            answer = str(error)
        print(json.dumps(answer), flush=True)
    os._exit(0)  # threads that wait for clients must not hold the end up


if __name__ == "__main__":
    main()
