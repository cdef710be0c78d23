"""What a kubeconfig gives for TLS and login: its authority, a client certificate, a static token."""

from __future__ import annotations

import base64
import binascii
import contextlib
import datetime as dt
import os
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kdoctor.probes.certificates import read_pem
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


@dataclass(frozen=True, slots=True)
class Ended:
    """A certificate of a kubeconfig that is no longer valid: whose it is, its file or key, and since when (UTC)."""

    whose: str
    place: str
    since: dt.datetime

    @property
    def told(self) -> str:
        """The finding as a sentence without a stop."""
        return f"{self.whose} ({self.place}) ended on {self.since:%Y-%m-%d}"


def ended(machine: Machine, cluster: Cluster, user: User, now: dt.datetime) -> Ended | None:
    """Return which certificate of the kubeconfig has ended: the user's own, else the last of the authority's.

    A user whose token or plugin logs in needs no certificate, and an authority counts only where it is verified.
    """
    own = read_pem(_bytes(machine, user.cert_data, user.cert_file))
    if own and not (user.token or user.token_file or user.plugin) and own[0].not_after < now:
        place = "client-certificate-data" if user.cert_data else user.cert_file
        return Ended(f'the client certificate of the user "{user.name}"', place, own[0].not_after)
    authorities = [] if cluster.insecure else read_pem(_bytes(machine, cluster.ca_data, cluster.ca_file))
    if authorities and all(one.not_after < now for one in authorities):
        place = "certificate-authority-data" if cluster.ca_data else cluster.ca_file
        whose = f'the certificate authority of the cluster "{cluster.name}"'
        return Ended(whose, place, max(one.not_after for one in authorities))
    return None


def bearer(machine: Machine, user: User) -> str:
    """Return the value of Authorization: the user's static token; empty where it has none that could be sent."""
    found = (user.token or (machine.read(user.token_file) or "" if user.token_file else "")).strip()
    return f"Bearer {found}" if found and found.isascii() and found.isprintable() and " " not in found else ""
