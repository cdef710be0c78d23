"""The Docker Engine API: which endpoint the docker command uses, and what the engine says of itself.

HTTP is h11 here, below httpx: every run that probes begins with these two requests to a local socket;
h11 takes 5 ms to import, and httpx with httpcore and anyio 50 to 90.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import ipaddress
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from kdoctor.machine import Machine, go_arch
from kdoctor.settings import jsonfile

if TYPE_CHECKING:
    import ssl  # takes 15 ms, and few engines are asked over TLS

DEFAULT_SOCKET = "/var/run/docker.sock"
_WINDOWS_PIPE = "npipe:////./pipe/docker_engine"
_BODY_LIMIT = 4 * 1024 * 1024
_CHUNK = 64 * 1024

Failure = Literal["no-socket", "refused", "permission", "timeout", "not-docker", "unresolved", "unreachable"]
"""How asking an engine can end; the outcomes of the probe docker.ping."""


class EngineError(Exception):
    """The engine could not be asked; `outcome` is a Failure, the text a sentence for the person."""

    def __init__(self, outcome: Failure, detail: str) -> None:
        super().__init__(detail)
        self.outcome: Failure = outcome
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the docker command sends its requests, and what says so. `problem`: it cannot be told."""

    url: str
    because: str
    context: str = "default"
    problem: str | None = None
    tls_directory: str | None = None
    default: bool = False

    @property
    def socket(self) -> str | None:
        """Path of the Unix socket, None for other endpoints."""
        return self.url.removeprefix("unix://") if self.url.startswith("unix://") else None

    @property
    def local(self) -> bool:
        """Tell whether the endpoint is a socket or pipe of this machine (behind it may be a VM)."""
        return self.url.startswith(("unix://", "npipe://"))


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What GET /info and GET /version say. `engine` is docker or podman; lists are as the engine has them.

    User and password in the proxies are xxxxx:xxxxx where the engine has any.
    """

    engine: str = "docker"
    version: str = ""
    name: str = ""
    operating_system: str = ""
    kernel: str = ""
    os_type: str = "linux"
    arch: str = ""
    http_proxy: str = ""
    https_proxy: str = ""
    no_proxy: str = ""
    mirrors: tuple[str, ...] = ()
    insecure: tuple[str, ...] = ()
    insecure_networks: tuple[str, ...] = ()
    security: tuple[str, ...] = ()
    root_dir: str = ""
    driver: str = ""
    warnings: tuple[str, ...] = field(default=(), repr=False)

    @property
    def rootless(self) -> bool:
        """Tell whether the daemon runs without root, in namespaces of its own."""
        return any(option.startswith("name=rootless") for option in self.security)

    @property
    def desktop(self) -> bool:
        """Tell whether this is Docker Desktop's VM."""
        return "docker desktop" in self.operating_system.lower() or self.name == "docker-desktop"


def config_directory(machine: Machine) -> str:
    """Return the docker command's configuration directory."""
    return machine.env.get("DOCKER_CONFIG") or str(machine.home / ".docker")


def endpoint(machine: Machine) -> Endpoint:
    """Return what docker/cli's resolveContextName and its context store select."""
    host = machine.env.get("DOCKER_HOST", "").strip()
    if host:
        verify = bool(machine.env.get("DOCKER_TLS_VERIFY"))
        certificates = machine.env.get("DOCKER_CERT_PATH") or config_directory(machine)
        return Endpoint(_with_scheme(host), "DOCKER_HOST", tls_directory=certificates if verify else None)
    name = machine.env.get("DOCKER_CONTEXT", "").strip()
    because = "DOCKER_CONTEXT"
    if not name:
        path = f"{config_directory(machine)}/config.json"
        current = jsonfile.mapping(jsonfile.parse(machine.read(path))).get("currentContext")
        name, because = (current if isinstance(current, str) else ""), f"currentContext in {path}"
    if not name or name == "default":
        url = _WINDOWS_PIPE if machine.os == "windows" else f"unix://{DEFAULT_SOCKET}"
        return Endpoint(url, "the default of the docker command", default=True)
    return _context(machine, name, because)


def _context(machine: Machine, name: str, because: str) -> Endpoint:
    digest = hashlib.sha256(name.encode()).hexdigest()
    folder = f"{config_directory(machine)}/contexts"
    meta = jsonfile.mapping(jsonfile.parse(machine.read(f"{folder}/meta/{digest}/meta.json")))
    docker = jsonfile.mapping(jsonfile.mapping(meta.get("Endpoints")).get("docker"))
    host = docker.get("Host")
    if not isinstance(host, str) or not host:
        return Endpoint("", because, name, problem=f'the docker context "{name}" does not exist')
    tls = f"{folder}/tls/{digest}/docker"
    return Endpoint(host, because, name, tls_directory=tls if machine.path(tls).is_dir() else None)


def contexts(machine: Machine) -> Iterator[tuple[str, str, str]]:
    """Yield the name, the endpoint's URL and the file of each stored docker context."""
    folder = f"{config_directory(machine)}/contexts/meta"
    for entry in machine.entries(folder):
        path = f"{folder}/{entry}/meta.json"
        meta = jsonfile.mapping(jsonfile.parse(machine.read(path)))
        docker = jsonfile.mapping(jsonfile.mapping(meta.get("Endpoints")).get("docker"))
        name, host = jsonfile.text(meta.get("Name")), jsonfile.text(docker.get("Host"))
        if name:
            yield name, host, path


def _with_scheme(host: str) -> str:
    if "://" in host:
        return host
    return f"unix://{host}" if host.startswith("/") else f"tcp://{host}"


async def engine_get(machine: Machine, where: Endpoint, path: str, timeout: float) -> tuple[int, object]:
    """GET an API path; return status and JSON (or text, where it is none). Raise EngineError."""
    if where.problem:
        raise EngineError("no-socket", where.problem)
    try:
        async with asyncio.timeout(timeout):
            return await _exchange(machine, where, path)
    except TimeoutError as error:
        raise EngineError("timeout", f"{where.url} did not answer within {timeout:g} s") from error
    except OSError as error:
        raise _failure(where, error) from error


async def _exchange(machine: Machine, where: Endpoint, path: str) -> tuple[int, object]:
    import h11  # only where there is an engine to ask; not httpx: see above

    reader, writer = await _connect(machine, where)
    try:
        connection = h11.Connection(h11.CLIENT)
        headers = [("Host", "docker"), ("Accept", "application/json"), ("Connection", "close")]
        request = h11.Request(method="GET", target=path, headers=headers)
        writer.write((connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b""))
        await writer.drain()
        status, body = 0, bytearray()
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(_CHUNK))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > _BODY_LIMIT:
                    raise EngineError("not-docker", f"{where.url} answers without end")
            elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                break
    except h11.RemoteProtocolError as error:
        raise EngineError("not-docker", f"{where.url} does not speak HTTP: {error}") from error
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    text = body.decode("utf-8", "replace")
    parsed = jsonfile.parse(text)
    return status, text if parsed is None else parsed


async def _connect(machine: Machine, where: Endpoint) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if where.socket is not None:
        if not hasattr(asyncio, "open_unix_connection"):
            raise EngineError("unreachable", f"{where.url}: no Unix sockets here")
        return await asyncio.open_unix_connection(str(machine.path(where.socket)))
    parts = urlsplit(where.url)
    if parts.scheme not in ("tcp", "http", "https") or not parts.hostname:
        raise EngineError("unreachable", f"kdoctor does not speak to {where.url or 'this endpoint'}")
    port = parts.port or (2376 if where.tls_directory else 2375)
    context = _tls(machine, where.tls_directory) if where.tls_directory or parts.scheme == "https" else None
    return await asyncio.open_connection(_checked(parts.hostname), port, ssl=context)


def _checked(host: str) -> str:
    """Return the host of a TCP endpoint; only addresses are dialled, and none that is link-local."""
    if host == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError as error:
        raise EngineError("unreachable", f"kdoctor asks engines at names ({host}) only with --via") from error
    if address.is_link_local:
        raise EngineError("unreachable", f"{host} is a link-local address; kdoctor does not contact it")
    return host


def _tls(machine: Machine, directory: str | None) -> ssl.SSLContext:
    import ssl

    context = ssl.create_default_context()
    if directory:
        folder = machine.path(directory)
        try:
            if (folder / "ca.pem").is_file():
                context.load_verify_locations(folder / "ca.pem")
            if (folder / "cert.pem").is_file():
                context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        except (OSError, ssl.SSLError) as error:
            raise EngineError("not-docker", f"{directory} holds no usable certificates: {error}") from error
    return context


def _failure(where: Endpoint, error: OSError) -> EngineError:
    name = where.socket or where.url
    if isinstance(error, FileNotFoundError):
        return EngineError("no-socket", f"{name} does not exist")
    if isinstance(error, PermissionError):
        return EngineError("permission", f"this user may not open {name}")
    if isinstance(error, ConnectionRefusedError):
        return EngineError("refused", f"nothing listens on {name}")
    if type(error).__module__ == "ssl":
        return EngineError("not-docker", f"{name}: TLS failed: {error}")
    if error.errno in (errno.ENOTSOCK, errno.ENOTDIR, errno.EPROTOTYPE):
        return EngineError("no-socket", f"{name} is no socket")
    return EngineError("unreachable", f"{name}: {error.strerror or error}")


async def ask(machine: Machine, where: Endpoint, timeout: float) -> EngineInfo:
    """Return what the engine says of itself; raise EngineError."""
    (status, info), (_, version) = await asyncio.gather(
        engine_get(machine, where, "/info", timeout), engine_get(machine, where, "/version", timeout)
    )
    if status != 200 or not isinstance(info, dict) or "ServerVersion" not in info:
        raise EngineError("not-docker", f"{where.url} answers GET /info with status {status}, not as an engine does")
    return engine_info(info, version)


def engine_info(info: object, version: object = None) -> EngineInfo:
    """Return the typed form of GET /info and GET /version; what has another type than it should is left out."""
    data = jsonfile.mapping(info)
    registry = jsonfile.mapping(data.get("RegistryConfig"))
    indexes = jsonfile.mapping(registry.get("IndexConfigs"))
    components = json.dumps(jsonfile.mapping(version).get("Components") or "").lower()
    return EngineInfo(
        engine="podman" if "podman" in components else "docker",
        version=jsonfile.text(data.get("ServerVersion")),
        name=jsonfile.text(data.get("Name")),
        operating_system=jsonfile.text(data.get("OperatingSystem")),
        kernel=jsonfile.text(data.get("KernelVersion")),
        os_type=jsonfile.text(data.get("OSType")) or "linux",
        arch=go_arch(jsonfile.text(data.get("Architecture"))),
        http_proxy=jsonfile.text(data.get("HttpProxy")),
        https_proxy=jsonfile.text(data.get("HttpsProxy")),
        no_proxy=jsonfile.text(data.get("NoProxy")),
        mirrors=jsonfile.texts(registry.get("Mirrors")),
        insecure=tuple(k for k, v in indexes.items() if jsonfile.mapping(v).get("Secure") is False),
        insecure_networks=jsonfile.texts(registry.get("InsecureRegistryCIDRs")),
        security=jsonfile.texts(data.get("SecurityOptions")),
        root_dir=jsonfile.text(data.get("DockerRootDir")),
        driver=jsonfile.text(data.get("Driver")),
        warnings=jsonfile.texts(data.get("Warnings")),
    )
