"""A port on the loopback of `here` that leads to another address, as a local proxy does.

Run as `relay.py PORT ADDRESS PORT READY`; makes the file READY once it listens.
"""

import contextlib
import pathlib
import socket
import sys
import threading


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def _join(client: socket.socket, address: tuple[str, int]) -> None:
    with client, contextlib.suppress(OSError), socket.create_connection(address, 5) as server:
        server.settimeout(None)
        back = threading.Thread(target=_copy, args=(server, client), daemon=True)
        back.start()
        _copy(client, server)
        back.join()


def main() -> None:
    """Relay until killed."""
    port, address, target, ready = sys.argv[1:]
    with socket.create_server(("127.0.0.1", int(port))) as listener:
        pathlib.Path(ready).touch()
        while True:
            client, _ = listener.accept()
            where = (address, int(target))
            threading.Thread(target=_join, args=(client, where), daemon=True).start()


if __name__ == "__main__":
    main()
