"""Does a container engine answer, is its configuration sound, and what does it say of a registry itself?"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from kdoctor.masking import mask
from kdoctor.model import CUT, UNSEEN, Value
from kdoctor.probes import daemonjson, dockerhost, guard
from kdoctor.probes.ask import Found
from kdoctor.probes.daemonkeys import options
from kdoctor.probes.kinds import UNREACHED
from kdoctor.probes.names import literal
from kdoctor.references import ImageNameError, parse
from kdoctor.settings import daemon, jsonfile
from kdoctor.settings.dockerd import Files
from kdoctor.settings.engine import Endpoint, EngineError, endpoint, engine_get
from kdoctor.vantages import Docker, Far, Runtime

if TYPE_CHECKING:
    from kdoctor.machine import Machine
    from kdoctor.probes.ask import Asking

_MARGIN = 0.3
_MESSAGE_SHOWN = 400
_NO_PULLER = "only an engine can answer this, and the shell is none"


def _endpoint(ask: Asking) -> Endpoint:
    vantage = ask.vantage
    return vantage.endpoint if isinstance(vantage, Docker) else endpoint(vantage.machine)


def _files(ask: Asking) -> Files:
    vantage = ask.vantage
    if isinstance(vantage, Docker):
        return vantage.files
    where = endpoint(vantage.machine)
    return Files(vantage.machine, "", daemon.find(vantage.machine, where.socket) if where.socket else None)


# --- docker.ping -------------------------------------------------------------------------------


async def ping(ask: Asking) -> Found:
    """Ask GET /version of the engine that the docker command would use."""
    machine, where = ask.vantage.machine, _endpoint(ask)
    data: dict[str, Value] = {
        "socket": where.socket or where.url,
        "context": where.context,
        "installed": dockerhost.is_installed(machine),
    }
    target = where.socket or where.url or where.context
    dialled = await dialled_at(where, ask)
    if isinstance(dialled, Found):
        return replace(dialled, data=data, target=target)
    try:
        status, answer = await engine_get(machine, dialled, "/version", max(ask.remaining - _MARGIN, 0.1))
    except EngineError as error:
        return await _no_answer(machine, where, error, data, target)
    version = jsonfile.mapping(answer)
    if status != 200 or not jsonfile.text(version.get("ApiVersion")):
        said = jsonfile.text(version.get("message")) or (answer if isinstance(answer, str) else "")
        detail = f"{target} answers GET /version with status {status}, not as an engine does: {_short(said)}"
        return Found("not-docker", detail.rstrip(": "), data, target)
    data |= _engine(version)
    return Found("ok", f"{data['engine']} {data['version']} answers on {target}", data, target)


def _engine(version: Mapping[str, object]) -> dict[str, Value]:
    components = version.get("Components")
    names = [jsonfile.text(jsonfile.mapping(c).get("Name")) for c in components] if isinstance(components, list) else []
    return {
        "engine": "podman" if any("podman" in name.lower() for name in names) else "docker",
        "version": jsonfile.text(version.get("Version")),
        "api_version": jsonfile.text(version.get("ApiVersion")),
        "platform": f"{jsonfile.text(version.get('Os'))}/{jsonfile.text(version.get('Arch'))}",
    }


async def dialled_at(where: Endpoint, ask: Asking) -> Endpoint | Found:
    """Return the endpoint with an address in place of a name, or why it is not asked."""
    if where.problem or where.socket is not None:
        return where
    parts = urlsplit(where.url)
    if parts.scheme not in ("tcp", "http", "https") or not parts.hostname:
        return Found(UNSEEN, f"kdoctor does not speak {parts.scheme or 'to this endpoint'}:// ({where.because})")
    port = parts.port or (2376 if where.tls_directory else 2375)
    host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname
    try:
        address = str(ipaddress.ip_address(host))
    except ValueError:
        if where.tls_directory or parts.scheme == "https":
            return Found(UNSEEN, f"kdoctor does not verify the certificate of an engine at a name ({host})")
        said = await ask.other("dns.system", name=host)
        addresses = said.data.get("addresses")
        if said.outcome != "ok" or not isinstance(addresses, tuple) or not addresses:
            outcome = said.outcome if not said.known else "unresolved"
            return Found(outcome, f"{host}, the engine's host by {where.because}, does not resolve: {said.detail}")
        address = addresses[0]
    if reason := guard.refusal(address, port):
        return Found(UNSEEN, f"{where.url} was not contacted: {reason}")
    at = f"[{address}]" if ":" in address else address
    return replace(where, url=f"{parts.scheme}://{at}:{port}")


async def _no_answer(
    machine: Machine, where: Endpoint, error: EngineError, data: dict[str, Value], target: str
) -> Found:
    detail = f"{error.detail} ({where.because})"
    state = await dockerhost.service_state(machine) if where.local else None
    if state:
        data["service"] = state
        detail += f"; the service docker is {state}"
    if where.socket:
        file = dockerhost.socket_file(machine, where.socket)
        if file is not None:
            data |= {"owner": file.owner, "group": file.group, "mode": file.mode}
        if file is not None and error.outcome == "permission":
            data |= {"group_exists": dockerhost.has_group(machine, "docker"), "member": file.member}
            data |= {"user": file.user} if file.user and not file.user.isdigit() else {}
            detail += f"; it belongs to {file.owner}:{file.group} with mode {file.mode}"
            if file.member:
                detail += f", and this user is in the group {file.group}, but this session is older than that"
    if error.outcome in ("no-socket", "refused") and not data["installed"] and where.local:
        detail += "; neither dockerd nor Docker Desktop is installed here"
    return Found(error.outcome, detail, data, target)


# --- docker.config -----------------------------------------------------------------------------


async def config(ask: Asking) -> Found:
    """Read daemon.json as the daemon would at its next start."""
    vantage, files = ask.vantage, _files(ask)
    path = files.daemon_json
    if path is None:
        why = vantage.sharing("settings").because if isinstance(vantage, Docker) else "its path is not known"
        return Found(UNSEEN, f"the daemon's own files cannot be seen from here: {why}")
    info = vantage.info if isinstance(vantage, Docker) else None
    if info is not None and info.engine == "podman":
        return Found(UNSEEN, "podman reads no daemon.json")
    shown = files.shown(path)
    text = vantage.machine.read(path)
    if text is None:
        return _unread(vantage.machine, path, shown)
    version = _version(info.version if info else "") or await _installed_version(vantage.machine, text)
    arguments = list(files.process.args[1:]) if files.process else dockerhost.service_arguments(vantage.machine)
    verdict = daemonjson.examine(text, version, options(arguments))
    parsed = jsonfile.mapping(jsonfile.parse(text))
    data: dict[str, Value] = {
        "path": shown,
        "mirrors": tuple(mask(m) for m in jsonfile.texts(parsed.get("registry-mirrors"))),
        "insecure": jsonfile.texts(parsed.get("insecure-registries")),
        "dns": jsonfile.texts(parsed.get("dns")),
    }
    data |= {
        k: v
        for k, v in (
            ("line", verdict.line),
            ("column", verdict.column),
            ("problem", verdict.problem),
            ("key", verdict.key),
        )
        if v
    }
    place = f", line {verdict.line}" if verdict.line else ""
    if verdict.outcome == "ok":
        remark = f"; but{place.lstrip(',')}: {verdict.problem}" if verdict.problem else ""
        return Found("ok", f"{shown} is sound{remark}", data, shown)
    tail = "; the daemon runs with what it read before, and will not start again" if info is not None else ""
    return Found(verdict.outcome, f"{shown}{place}: {verdict.problem}{tail}", data, shown)


def _proxy_in(settings: Mapping[str, object]) -> str:
    """Return the proxy for https, else for http, of daemon.json; none with a password, which a fix would show."""
    proxies = jsonfile.mapping(settings.get("proxies"))
    found = jsonfile.text(proxies.get("https-proxy")) or jsonfile.text(proxies.get("http-proxy"))
    return found if mask(found) == found else ""


def _unread(machine: Machine, path: str, shown: str) -> Found:
    try:
        machine.path(path).lstat()
    except FileNotFoundError:
        return Found("missing", f"{shown} does not exist: the daemon has its defaults", {"path": shown}, shown)
    except OSError as error:
        return Found("unreadable", f"{shown} cannot be read: {error.strerror}", {"path": shown}, shown)
    return Found("unreadable", f"this user may not read {shown}, or it is no file", {"path": shown}, shown)


def _version(text: str) -> daemonjson.Version | None:
    match = re.search(r"(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None


async def _installed_version(machine: Machine, text: str) -> daemonjson.Version | None:
    """Ask the installed dockerd for its version, where what it makes of the file hangs on that."""
    program = dockerhost.dockerd(machine)
    if (
        str(machine.root) != "/"
        or program is None
        or daemonjson.examine(text, (20, 10)) == daemonjson.examine(text, (29, 0))
    ):
        return None
    return _version(await dockerhost.output([program, "--version"]) or "")


# --- docker.distribution, docker.insecure --------------------------------------------------------


async def distribution(ask: Asking, image: str) -> Found:
    """Let the daemon ask the registry: GET /distribution/{name}/json (Engine API 1.30)."""
    from kdoctor.probes.registry_api import untrusted

    if not isinstance(ask.vantage, Docker):
        return Found(UNSEEN, _NO_PULLER)
    try:
        reference = parse(image)
    except ImageNameError as error:
        return Found(UNSEEN, str(error))
    if reason := untrusted(ask, reference.registry) or _forbidden(reference.registry):
        return Found(UNSEEN, reason)
    path = f"/distribution/{quote(reference.normalised, safe='/:@')}/json"
    try:
        status, answer = await engine_get(ask.vantage.machine, _endpoint(ask), path, max(ask.remaining - _MARGIN, 0.1))
    except EngineError as error:
        if error.outcome == "timeout":
            return Found(CUT, f"the daemon had not heard from {reference.registry} when the time was up")
        return Found(UNREACHED, error.detail)
    message = _short(
        jsonfile.text(jsonfile.mapping(answer).get("message")) or (answer if isinstance(answer, str) else "")
    )
    if status == 200:
        return Found("ok", f"the daemon reads the manifest of {reference.familiar}", {"status": status})
    if status == 404 and ("page not found" in message or not message or message == "Not Found"):
        return Found(UNSEEN, "this engine does not offer GET /distribution")
    return Found("failed", f"the daemon says: {message}", {"message": message, "status": status})


def _forbidden(registry: str) -> str | None:
    """Return why a daemon must not be sent to a registry's host."""
    parts = urlsplit(f"//{registry}")
    host = parts.hostname or ""
    try:
        return guard.refusal(str(ipaddress.ip_address(host)), parts.port or 443)
    except ValueError:
        return guard.refusal_of_name(host)


def _short(text: str) -> str:
    shown = mask(" ".join(text.split()))
    return shown if len(shown) <= _MESSAGE_SHOWN else shown[: _MESSAGE_SHOWN - 1] + "…"


async def insecure(ask: Asking, registry: str) -> Found:
    """Tell what the engine's insecure registries and networks mean for the registry (moby isSecureIndex)."""
    if not isinstance(ask.vantage, Docker | Far | Runtime):
        return Found(UNSEEN, _NO_PULLER)
    trust = ask.vantage.trust(registry)
    info = ask.vantage.info if isinstance(ask.vantage, Docker) else None
    entries = (*info.insecure, *info.insecure_networks) if info else ()
    data: dict[str, Value] = {"entries": entries}
    if trust.insecure:
        return Found(
            "yes", f"the puller treats {registry} as insecure: it does not verify, and may speak plain HTTP", data
        )
    networks = [ipaddress.ip_network(network, strict=False) for network in trust.insecure_networks]
    host = urlsplit(f"//{registry}").hostname or registry
    said = await ask.other("dns.lookup", name=host) if networks and literal(host) is None else None
    addresses = said.data.get("addresses") if said is not None else None
    for text in addresses if isinstance(addresses, tuple) else ():
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            continue
        if any(address in network for network in networks):
            return Found(
                "yes", f"{registry} resolves to {text}, which is in a network that the daemon takes for insecure", data
            )
    return Found("no", f"the puller verifies the certificate of {registry}", data)
