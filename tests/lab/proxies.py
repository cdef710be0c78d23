"""The company's proxies: squid for the honest ones, Python for silence and interception."""

import contextlib
import http
import re
import socket
import socketserver
import subprocess
import threading
from pathlib import Path
from typing import Any, Final

from . import addresses
from .front import Hosts
from .manners import Certificate

_ADDRESS: Final = addresses.HOSTS[addresses.PROXY]
_SQUID: Final = f"""\
http_port {_ADDRESS}:{addresses.PROXY_OPEN} name=open
http_port {_ADDRESS}:{addresses.PROXY_AUTH} name=auth
http_port {_ADDRESS}:{addresses.PROXY_DENY} name=deny
acl open myportname open
acl auth myportname auth
auth_param basic program /bin/false
auth_param basic children 1 startup=0 idle=1
auth_param basic realm Corporate proxy
acl known proxy_auth REQUIRED
http_access allow open
http_access allow auth known
http_access deny all
dns_nameservers {addresses.LOOPBACK_RESOLVER}
dns_v4_first on
hosts_file none
negative_dns_ttl 1 second
connect_timeout 5 seconds
visible_hostname {addresses.PROXY}
via off
cache deny all
max_filedescriptors 1024
pinger_enable off
access_log none
cache_store_log none
pid_filename none
coredump_dir none
cache_effective_user proxy
"""


def start_squid(directory: Path) -> subprocess.Popen[bytes]:
    """Start squid in the foreground; its three ports open, ask for credentials, or deny."""
    config = directory / "squid.conf"
    log = directory / "squid.log"
    log.touch()
    log.chmod(0o666)
    directory.chmod(0o711)
    config.write_text(f"{_SQUID}cache_log {log}\n")
    return subprocess.Popen(
        ["squid", "-N", "-f", str(config)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


class SilentProxy(socketserver.ThreadingTCPServer):
    """Accepts connections and never says a word."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((_ADDRESS, addresses.PROXY_SILENT), socketserver.BaseRequestHandler)
        threading.Thread(target=self.serve_forever, args=(0.5,), daemon=True).start()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Read until the client gives up."""
        with contextlib.suppress(OSError):
            while request.recv(65536):
                pass


class InterceptingProxy(socketserver.ThreadingTCPServer):
    """Grants CONNECT and answers as the host itself, with the gateway's certificate."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        super().__init__((_ADDRESS, addresses.PROXY_INTERCEPT), socketserver.BaseRequestHandler)
        threading.Thread(target=self.serve_forever, args=(0.5,), daemon=True).start()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Answer one CONNECT and become its target."""
        asked = re.match(rb"CONNECT ([^:\s]+):443 ", _head(request))
        if asked is None:
            request.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            return
        request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self._hosts.serve(request, asked[1].decode(), Certificate.INTERCEPTED)

    def shutdown_request(self, request: Any) -> None:
        """Close without ceremony: the client may be gone already."""
        request.close()


class CodedProxy(socketserver.ThreadingTCPServer):
    """Answers every request with the status that is the port's last three digits; 200 closes then."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, status: int) -> None:
        self._status = status
        super().__init__((_ADDRESS, addresses.PROXY_CODED + status), socketserver.BaseRequestHandler)
        threading.Thread(target=self.serve_forever, args=(0.5,), daemon=True).start()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Answer one request."""
        if not _head(request):
            return
        phrase = http.HTTPStatus(self._status).phrase
        extra = 'Proxy-Authenticate: Basic realm="Corporate proxy"\r\n' if self._status == 407 else ""
        length = "" if self._status == 200 else "Content-Length: 0\r\n"
        request.sendall(f"HTTP/1.1 {self._status} {phrase}\r\n{extra}{length}\r\n".encode())


def _head(sock: socket.socket) -> bytes:
    """Read up to the blank line, byte by byte, since TLS may follow at once."""
    head = b""
    while not head.endswith(b"\r\n\r\n") and len(head) < 8192:
        byte = sock.recv(1)
        if not byte:
            break
        head += byte
    return head
