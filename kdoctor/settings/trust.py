"""Whom a puller trusts: Go's CA files, docker's certs.d, and registries that docker treats as insecure."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kdoctor.machine import Machine, read_text
from kdoctor.settings.goproxy import split_host_port

# crypto/x509/root_linux.go: the first file that can be read, then everything in the directories.
CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
CA_DIRECTORIES = ("/etc/ssl/certs", "/etc/pki/tls/certs", "/system/etc/security/cacerts")

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\s([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")
_BUNDLE_LIMIT = 8 * 1024 * 1024
_LOOPBACK = ("127.0.0.0/8", "::1/128")


@dataclass(frozen=True, slots=True)
class Trust:
    """What a TLS handshake with one registry rests on; the paths are as this process opens them.

    `ca_files` are Go's, in its order, then those of certs.d, which are `own_ca_files` as well.
    `client` is the certificate and key to show. `insecure` tells that docker does not verify and may
    speak plain HTTP; so it does for a registry that resolves into `insecure_networks`.
    `problem` says what docker would refuse to read. `system` tells that the OS's own verifier decides
    (macOS, Windows) and the files say nothing. `bundle` is what the files hold where they are on another
    machine, whose paths this process cannot open. `ca_folder` is where a file ca.crt for the registry would
    be read from, as a person writes the path.
    """

    ca_files: tuple[str, ...] = ()
    own_ca_files: tuple[str, ...] = ()
    client: tuple[str, str] | None = None
    insecure: bool = False
    insecure_networks: tuple[str, ...] = ()
    problem: str | None = None
    system: bool = False
    bundle: str | None = field(default=None, repr=False)
    ca_folder: str | None = None

    def pem(self) -> str:
        """Return the certificates of the CA files as PEM without repetition; what is none is passed over."""
        seen: dict[str, None] = {}
        own = (read_text(Path(name), _BUNDLE_LIMIT) or "" for name in self.ca_files)
        for text in own if self.bundle is None else (self.bundle,):
            for body in _CERTIFICATE.findall(text):
                seen.setdefault("\n".join(body.split()))
        return "".join(f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n" for body in seen)


def system_ca_files(machine: Machine, env: Mapping[str, str], prefix: str = "") -> tuple[str, ...]:
    """Return the existing files of Go's search list, SSL_CERT_FILE and SSL_CERT_DIR heeded."""
    files = (env["SSL_CERT_FILE"],) if env.get("SSL_CERT_FILE") else CA_FILES
    directories = tuple(env["SSL_CERT_DIR"].split(":")) if env.get("SSL_CERT_DIR") else CA_DIRECTORIES
    paths = (machine.path(f"{prefix}{name}") for name in files)
    found = [str(path) for path in paths if path.is_file() and os.access(path, os.R_OK)][:1]
    for directory in directories:
        found += _unique_entries(machine.path(f"{prefix}{directory}"))
    return tuple(dict.fromkeys(found))


def certs_d(machine: Machine, directories: Iterable[str], registry: str) -> Trust:
    """Return what docker's certs.d holds for a registry: moby/registry ReadCertsDirectory."""
    own: list[str] = []
    client: tuple[str, str] | None = None
    problem: str | None = None
    for base in directories:
        folder = machine.path(f"{base}/{registry}")
        names = machine.entries(f"{base}/{registry}")
        own += [str(folder / name) for name in names if name.endswith(".crt")]
        for name in (n for n in names if n.endswith((".cert", ".key"))):
            stem, _, kind = name.rpartition(".")
            partner = f"{stem}.key" if kind == "cert" else f"{stem}.cert"
            if partner not in names:
                missing = "key" if kind == "cert" else "client certificate"
                problem = f"{folder}: {name} has no {missing} {partner} beside it; CA certificates end in .crt"
            elif kind == "cert" and client is None:
                client = (str(folder / name), str(folder / partner))
    return Trust(own_ca_files=tuple(own), client=client, problem=problem)


def is_insecure(registry: str, entries: Iterable[str], networks: Iterable[str]) -> bool:
    """Tell whether docker takes host[:port] for insecure, as far as that follows without resolving it."""
    if registry in entries:
        return True
    split = split_host_port(registry)
    host = (split[0] if split else registry).strip("[]")
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in _networks((*_LOOPBACK, *networks)))


def loopback_networks() -> tuple[str, ...]:
    """Return the networks whose registries docker always treats as insecure."""
    return _LOOPBACK


def _networks(texts: Iterable[str]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    found = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            continue
    return found


def _unique_entries(directory: Path) -> list[str]:
    """Return a directory's files without the links that point within it (the hash names of c_rehash)."""
    found = []
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.is_symlink() and "/" not in os.readlink(entry.path):
                    continue
                if entry.is_file():
                    found.append(entry.path)
    except OSError:
        return []
    return sorted(found)
