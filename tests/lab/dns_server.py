"""A DNS server that can also fail or be silent, which dnsmasq cannot."""

import socketserver
import threading
from collections.abc import Mapping
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from . import addresses
from .manners import EVERY, Behaviour

TTL: Final = 5
_SINKHOLES: Final = {
    Behaviour.NULL: "0.0.0.0",
    Behaviour.LOOPBACK: "127.0.0.1",
    Behaviour.PRIVATE: addresses.SINKHOLE,
}


class Resolver:
    """Decides answers: the zone, changed by a table of name (or `*`) to behaviour."""

    def __init__(self, zone: Mapping[str, str], table: Mapping[str, Behaviour]) -> None:
        self._zone = zone
        self._table = dict(table)

    def reply(self, wire: bytes) -> bytes | None:
        """Return the answer to one packet; None is silence."""
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return None
        if not query.question:
            return None
        name = query.question[0].name.to_text(omit_final_dot=True).lower()
        behaviour = self._table.get(name) or self._table.get(EVERY, Behaviour.ANSWER)
        if behaviour is Behaviour.SILENCE:
            return None
        return self._message(query, name, behaviour).to_wire()

    def _message(self, query: dns.message.Message, name: str, behaviour: Behaviour) -> dns.message.Message:
        message = dns.message.make_response(query, recursion_available=True)
        known = name in self._zone
        match behaviour:
            case Behaviour.SERVFAIL:
                message.set_rcode(dns.rcode.SERVFAIL)
            case Behaviour.REFUSED:
                message.set_rcode(dns.rcode.REFUSED)
            case Behaviour.IPV6_ONLY if known:
                _add(message, dns.rdatatype.AAAA, addresses.IPV6_HOST)
            case Behaviour.NULL | Behaviour.LOOPBACK | Behaviour.PRIVATE if known:
                _add(message, dns.rdatatype.A, _SINKHOLES[behaviour])
            case Behaviour.AAAA_FAILS if message.question[0].rdtype == dns.rdatatype.AAAA:
                message.set_rcode(dns.rcode.SERVFAIL)
            case Behaviour.ANSWER | Behaviour.AAAA_FAILS if known:
                _add(message, dns.rdatatype.A, self._zone[name])
            case Behaviour.NODATA if known:
                pass
            case _:
                message.set_rcode(dns.rcode.NXDOMAIN)
        return message


def _add(message: dns.message.Message, kind: dns.rdatatype.RdataType, address: str) -> None:
    """Add the one address that the name has, if it was asked for."""
    question = message.question[0]
    if question.rdtype == kind:
        message.answer.append(dns.rrset.from_text(question.name, TTL, "IN", kind, address))


class _Datagram(socketserver.BaseRequestHandler):
    server: "_UdpServer"

    def handle(self) -> None:
        packet, sock = self.request
        answer = self.server.resolver.reply(packet)
        if answer is not None:
            sock.sendto(answer, self.client_address)


class _Stream(socketserver.StreamRequestHandler):
    server: "_TcpServer"
    timeout = 30

    def handle(self) -> None:
        while len(size := self.rfile.read(2)) == 2:
            answer = self.server.resolver.reply(self.rfile.read(int.from_bytes(size)))
            if answer is None:
                self.rfile.read(1)  # silence lasts until the client leaves
                return
            self.wfile.write(len(answer).to_bytes(2) + answer)


class _UdpServer(socketserver.UDPServer):
    def __init__(self, address: str, port: int, resolver: Resolver) -> None:
        self.resolver = resolver
        super().__init__((address, port), _Datagram)


class _TcpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: str, port: int, resolver: Resolver) -> None:
        self.resolver = resolver
        super().__init__((address, port), _Stream)


class OwnServer:
    """Answers on UDP and TCP in background threads until it is closed."""

    def __init__(self, zone: Mapping[str, str], table: Mapping[str, Behaviour], address: str, port: int) -> None:
        resolver = Resolver(zone, table)
        self._servers = (_UdpServer(address, port, resolver), _TcpServer(address, port, resolver))
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
