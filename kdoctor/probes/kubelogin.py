"""What a kubeconfig gives for TLS and login: its authority, a client certificate, a static token."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kdoctor.probes.handshake import client_context
from kdoctor.settings.trust import Trust, system_ca_files

if TYPE_CHECKING:
    from kdoctor.kubeconfig import Cluster, User
    from kdoctor.machine import Machine


def context(machine: Machine, cluster: Cluster, user: User) -> ssl.SSLContext | None:
    """Return a TLS context with the cluster's authority (else Go's system files) and the client certificate.

    None where the authority holds no certificate.
    """
    if cluster.insecure:
        return client_context(None)
    if cluster.ca_data or cluster.ca_file:
        found = client_context(Trust())
        pem = _bytes(machine, cluster.ca_data, cluster.ca_file)
        try:
            found.load_verify_locations(cadata=pem.decode("ascii", "replace"))
        except (ssl.SSLError, ValueError):
            return None
    else:
        found = client_context(Trust(ca_files=system_ca_files(machine, machine.env), system=machine.os != "linux"))
    certificate = _bytes(machine, user.cert_data, user.cert_file)
    key = _bytes(machine, user.key_data, user.key_file)
    if certificate and key:
        with _as_file(certificate + b"\n" + key) as name, contextlib.suppress(OSError):
            # ssl.SSLError is an OSError: a pair that does not fit shows as unauthorized.
            found.load_cert_chain(name, password=lambda: b"")
    return found


@contextlib.contextmanager
def _as_file(data: bytes) -> Iterator[str]:
    """Give ssl, which takes files only, the name of one that is in memory, or that only this user can read."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("kdoctor")
        try:
            os.write(descriptor, data)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    descriptor, name = tempfile.mkstemp(prefix="kdoctor-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        yield name
    finally:
        Path(name).unlink(missing_ok=True)


def _bytes(machine: Machine, data: str, file: str) -> bytes:
    if not data:
        return (machine.read(file) or "").encode() if file else b""
    try:
        return base64.b64decode("".join(data.split()))
    except (binascii.Error, ValueError):
        return b""


def bearer(machine: Machine, user: User) -> str:
    """Return the value of Authorization: the user's static token; empty where it has none that could be sent."""
    found = (user.token or (machine.read(user.token_file) or "" if user.token_file else "")).strip()
    return f"Bearer {found}" if found and found.isascii() and found.isprintable() and " " not in found else ""
