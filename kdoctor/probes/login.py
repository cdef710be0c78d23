"""The stored login that the docker command would send to a registry. Taken by `check` alone.

docker/cli: config file `auths`, credHelpers, credsStore; docker-credential-helpers: the protocol of `get`.
"""

from __future__ import annotations

import base64
import binascii
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kdoctor.probes import strictjson
from kdoctor.probes.credentials import config_path, helpers_of, keys_of, typed
from kdoctor.probes.dockerhost import find_program
from kdoctor.probes.threads import in_thread
from kdoctor.registries import DOCKER_HUB, canonical, token_hosts
from kdoctor.settings import jsonfile

if TYPE_CHECKING:
    from kdoctor.machine import Machine
    from kdoctor.probes.http_messages import Url

HELPER_SECONDS = 3.0
"""What a helper gets: one that asks a person would wait for ever."""

_ANSWER_LIMIT = 64 * 1024
_TOKEN_USER = "<token>"  # noqa: S105  # docker-credential-helpers: the secret is an identity token


@dataclass(frozen=True, slots=True)
class Login:
    """User and password for one registry; `source` is the file or helper that they come from.

    `identity` is an identity token, which a token server takes instead of them, in exchange.
    """

    registry: str
    source: str
    user: str = field(repr=False)
    password: str = field(repr=False)
    identity: str = field(default="", repr=False)

    def basic(self) -> str:
        """Return the value of an Authorization field (RFC 7617); empty where there is no password."""
        if not self.password:
            return ""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def may_go_to(self, url: Url, *, insecure: bool) -> bool:
        """Tell whether the login may be sent there: to its own host or token server, over verified TLS."""
        hosts = {_host(self.registry), *token_hosts(self.registry)}
        return url.scheme == "https" and not insecure and url.host.lower() in hosts


async def stored(machine: Machine, registry: str) -> Login | None:
    """Return the login for a registry, None where none is stored or it is none that kdoctor can send."""
    path = config_path(machine)
    text = machine.read(path)
    if text is None:
        return None
    try:
        config = typed(strictjson.parse(text, first_value_only=True)[0])
    except strictjson.SlipError:
        return None
    helpers = helpers_of(config, registry)
    if not helpers:
        return _of_file(config, registry, path)
    program = f"docker-credential-{helpers[0]}"
    where = find_program(machine, program)
    if where is None:
        return None
    return _of_helper(registry, program, await in_thread(_get, machine, where, _server(registry)))


def _of_file(config: Mapping[str, object], registry: str, path: str) -> Login | None:
    entries = jsonfile.mapping(config.get("auths"))
    entry = next((jsonfile.mapping(entries[key]) for key in keys_of(registry) if key in entries), {})
    user, password = jsonfile.text(entry.get("username")), jsonfile.text(entry.get("password"))
    if encoded := jsonfile.text(entry.get("auth")):
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
    if not (user and password):
        user = password = ""
    identity = jsonfile.text(entry.get("identitytoken"))
    return Login(registry, path, user, password.strip("\0"), identity) if password or identity else None


def _of_helper(registry: str, program: str, answer: bytes) -> Login | None:
    try:
        said = jsonfile.mapping(json.loads(answer))
    except (ValueError, RecursionError):
        return None
    user, secret = jsonfile.text(said.get("Username")), jsonfile.text(said.get("Secret"))
    if user == _TOKEN_USER and secret:
        return Login(registry, program, "", "", secret)
    return Login(registry, program, user, secret) if user and secret else None


def _get(machine: Machine, program: str, server: str) -> bytes:
    """Run `HELPER get` without a terminal; what it cannot say in time is nothing."""
    try:
        done = subprocess.run(  # noqa: S603  # the program that the person's config.json names, as docker runs it
            [str(machine.path(program)), "get"],
            input=server.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(machine.env),
            start_new_session=True,
            timeout=HELPER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return b""
    return done.stdout[:_ANSWER_LIMIT] if done.returncode == 0 else b""


def _server(registry: str) -> str:
    """Return the name under which docker keeps a registry's login (docker/cli, ConvertToHostname)."""
    return "https://index.docker.io/v1/" if canonical(registry) == DOCKER_HUB else registry


def _host(registry: str) -> str:
    name = "registry-1.docker.io" if canonical(registry) == DOCKER_HUB else registry.lower()
    host, colon, port = name.rpartition(":")
    return (host if colon and port.isdigit() else name).strip("[]")
