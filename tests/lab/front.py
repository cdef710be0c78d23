"""The listener before all of the lab's web hosts: TCP and TLS, well or ill behaved."""

import contextlib
import http.server
import socket
import socketserver
import struct
import threading
from typing import Any, Final

from . import addresses
from .certificates import Certificates
from .distribution import Request, reply
from .manners import Certificate, Manners, Wire

_PATIENCE: Final = 60.0


class Hosts:
    """Every web host of the lab, answering on sockets that others accepted."""

    def __init__(self, manners: Manners, certificates: Certificates, store_port: int) -> None:
        self.manners = manners
        self.store_port = store_port
        self._certificates = certificates

    def serve(self, sock: socket.socket, host: str, kind: Certificate | None = None) -> None:
        """Be `host` on one connection, with a certificate of `kind` if given."""
        sock.settimeout(_PATIENCE)
        with contextlib.suppress(OSError):
            match self.manners.wire(host):
                case Wire.TLS:
                    context = self._certificates.context(kind or self.manners.certificate(host), host)
                    with context.wrap_socket(sock, server_side=True) as secure:
                        _Http(secure, host, self)
                case Wire.PLAIN:
                    _Http(sock, host, self)
                case Wire.SSH:
                    sock.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")
                    sock.recv(4096)
                case Wire.RESET:
                    sock.recv(65536)
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                case Wire.SNI_RESET:
                    self._reset_if_named(sock, host)
                case Wire.CLOSE:
                    sock.recv(65536)
                case Wire.SILENCE:
                    while sock.recv(65536):
                        pass
        sock.close()

    def _reset_if_named(self, sock: socket.socket, host: str) -> None:
        """Reset the connection whose first packet has the host's name in it."""
        if host.encode() in sock.recv(65536, socket.MSG_PEEK):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        context = self._certificates.context(Certificate.GOOD, host)
        with context.wrap_socket(sock, server_side=True) as secure:
            _Http(secure, host, self)


class _Http(http.server.BaseHTTPRequestHandler):
    """HTTP on one connection, which belongs to `host` whatever the Host header says."""

    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.1"  # a TLS hello, too, gets a status line

    def __init__(self, sock: socket.socket, host: str, hosts: Hosts) -> None:
        self._host = host
        self._hosts = hosts
        super().__init__(sock, ("", 0), None)  # type: ignore[arg-type]  # has no server

    def do_GET(self) -> None:
        # docker says Accept once for every media type.
        headers = {key.title(): ", ".join(self.headers.get_all(key, [])) for key in self.headers}
        request = Request(self.command, self.path, headers)
        answer = self._hosts.manners.answer(self._host)
        found = reply(self._host, request, answer, self._hosts.store_port)
        self.send_response(found.status)
        for key, value in found.headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(found.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(found.body[: found.cut_after])
        if found.stalls:
            self.connection.settimeout(_PATIENCE)
            self.connection.recv(1)
        if found.cut_after is not None:
            self.close_connection = True

    do_HEAD = do_GET  # noqa: N815 (the base's name)

    def version_string(self) -> str:
        """Name the server as most do."""
        return "nginx"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base's name)
        """Say nothing."""


class Front(socketserver.ThreadingTCPServer):
    """Listens on one port of every address; the address called tells the host."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, hosts: Hosts, port: int = 443) -> None:
        self._hosts = hosts
        super().__init__(("0.0.0.0", port), socketserver.BaseRequestHandler)
        threading.Thread(target=self.serve_forever, args=(0.5,), daemon=True).start()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection in its own thread."""
        address = request.getsockname()[0]
        self._hosts.serve(request, addresses.NAMES.get(address, address))

    def shutdown_request(self, request: Any) -> None:
        """Leave the closing to `finish_request`: a polite shutdown would undo a reset."""
