"""`kdoctor platforms` and `kdoctor settings`: what is installed here, and what each puller is told, from where."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from kdoctor import platforms as installed
from kdoctor.listings import Exemption, SettingFound, Standing
from kdoctor.model import Platform, Report, Status
from kdoctor.pullers import docker, noproxy, runtimes, shells
from kdoctor.pullers.rows import of_proxies
from kdoctor.remote.vantage import Far
from kdoctor.run.situation import Situation, survey
from kdoctor.settings.containers import NodeContainer
from kdoctor.settings.containers import nodes as nodes_of
from kdoctor.settings.engine import EngineError
from kdoctor.vantages import Vantage

_ENGINE_SECONDS = 2.0


async def platforms(lang: str, seconds: float) -> Report:
    """Say which platforms are here, each with how it was found."""
    began = time.monotonic()
    situation = await survey(seconds=seconds, nodes=False)
    clusters, notices = await _clusters(situation)
    found = (*situation.host.platforms, *installed.several(situation.machine), *clusters)
    host = replace(situation.host, platforms=found)
    status = Status.HEALTHY
    return Report("platforms", status, lang, host=host, notices=notices, seconds=time.monotonic() - began)


async def settings(lang: str, seconds: float) -> Report:
    """Say what every puller is told about proxies, names, mirrors, trust and logins, and where they disagree."""
    began = time.monotonic()
    situation = await survey(seconds=seconds)
    rows = await asyncio.to_thread(lambda: list(dict.fromkeys(_rows(situation))))
    nodes, unlisted = await _nodes(situation)
    exemptions = tuple(_exemptions(situation, rows, nodes))
    return Report(
        "settings",
        Status.HEALTHY,
        lang,
        settings=tuple(rows),
        exemptions=exemptions,
        host=situation.host,
        notices=(*unlisted, *disagreements(rows)),
        seconds=time.monotonic() - began,
    )


async def _nodes(situation: Situation) -> tuple[list[NodeContainer], tuple[str, ...]]:
    """Return the nodes that are containers of the engine that the docker command uses, and why they are not known."""
    vantage = situation.vantages.docker
    if vantage is None or vantage.info is None:
        return [], ()
    try:
        return await nodes_of(situation.machine, vantage.endpoint, _ENGINE_SECONDS), ()
    except EngineError as error:
        return [], (f"the engine's containers could not be listed: {error.detail}",)


async def _clusters(situation: Situation) -> tuple[list[Platform], tuple[str, ...]]:
    """Return the clusters of those nodes."""
    nodes, unlisted = await _nodes(situation)
    by_cluster: dict[tuple[str, str], list[NodeContainer]] = {}
    for node in nodes:
        by_cluster.setdefault((node.tool, node.cluster), []).append(node)
    found_by = f"containers of {situation.vantages.docker.endpoint.url}" if situation.vantages.docker else ""
    return [
        Platform(f"{tool}-cluster", found_by=found_by, detail=f"{cluster}: {_listed(members)}")
        for (tool, cluster), members in by_cluster.items()
    ], unlisted


def _listed(nodes: Iterable[NodeContainer]) -> str:
    return ", ".join(f"{node.name} ({node.state})" for node in nodes)


def _rows(situation: Situation) -> Iterator[SettingFound]:
    machine, vantages = situation.machine, situation.vantages
    yield from of_proxies("shell", vantages.shell.proxies())
    yield from _names_and_trust(vantages.shell)
    yield from shells.sudo(machine)
    yield from shells.docker_command(machine)
    yield from shells.credentials(machine)
    for vantage in vantages.all():
        if vantage is vantages.docker:
            yield from docker.daemon(vantages.docker)
        elif vantage is not vantages.shell:
            yield from of_proxies(vantage.name, vantage.proxies())
            if isinstance(vantage, Far):
                yield from runtimes.of_node(vantage.node)
        if vantage is not vantages.shell:
            yield from _names_and_trust(vantage)
    yield from docker.minikube_profiles(machine)
    for read in (runtimes.containerd, runtimes.containers_image, runtimes.k3s):
        yield from read(machine)


def _names_and_trust(vantage: Vantage) -> Iterator[SettingFound]:
    conf = vantage.resolvers()
    if conf.unseen is not None:
        yield SettingFound(vantage.name, "dns", "", "", "", standing=Standing.UNSEEN, note=conf.unseen)
    for server in conf.servers:
        note = "Go's own default: the file names none" if conf.fallback else ""
        manager = f", written by {conf.manager}" if conf.manager else ""
        yield SettingFound(vantage.name, "dns", "nameserver", server, f"{conf.path}{manager}", conf.path, note=note)
    trust = vantage.trust("registry-1.docker.io")
    bundle = next(iter(trust.ca_files), None)
    if bundle is not None:
        yield SettingFound(vantage.name, "ca", "system", bundle, bundle, bundle)
    if trust.problem:
        yield SettingFound(vantage.name, "ca", "", "", "", standing=Standing.IGNORED, note=trust.problem)


def disagreements(rows: Sequence[SettingFound]) -> Iterator[str]:
    """Yield a sentence where pullers differ in a proxy, in nameservers or in the mirror of Docker Hub. Pure."""
    counted = [r for r in rows if r.standing in (Standing.EFFECTIVE, Standing.WRITTEN)]
    pullers = dict.fromkeys(r.puller for r in rows if r.puller not in ("sudo", "docker-command"))
    for variable in ("HTTPS_PROXY", "HTTP_PROXY"):
        values: dict[str, list[str]] = {}
        for puller in pullers:
            proxies = [r for r in counted if r.puller == puller and r.topic == "proxy"]
            said = [r.value.rstrip("/") for r in proxies if r.name.upper() == variable]
            unseen = any(r.puller == puller and r.topic == "proxy" and r.standing is Standing.UNSEEN for r in rows)
            if said or not unseen:
                values.setdefault(said[0] if said else "none", []).append(puller)
        yield from _differing(variable, values)
    for what, topic, name in (
        ("The nameserver", "dns", "nameserver"),
        ("The mirror of Docker Hub", "mirror", "docker.io"),
    ):
        values = {}
        for puller in pullers:
            told = [r.value.rstrip("/") for r in counted if (r.puller, r.topic, r.name) == (puller, topic, name)]
            if told:
                values.setdefault(", ".join(told), []).append(puller)
        yield from _differing(what, values)


def _differing(what: str, values: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if len(values) > 1:
        told = "; ".join(f"{', '.join(who)}: {value}" for value, who in values.items())
        yield f"{what} is not the same everywhere: {told}"


def _exemptions(
    situation: Situation, rows: Sequence[SettingFound], nodes: Sequence[NodeContainer]
) -> Iterator[Exemption]:
    """Yield what the NO_PROXY of each puller lacks; a puller without a proxy needs none.

    The shell's is read by Go programs and by others, from one variable: its line is the same for both.
    """
    registries = [r.name for r in rows if r.topic in ("insecure", "ca", "credentials", "mirror") and r.name != "system"]
    networks = dict.fromkeys(network for node in nodes for network in node.networks)
    tools = dict.fromkeys(node.tool for node in nodes)
    wanted = noproxy.needs(situation.machine, networks, dict.fromkeys(registries), tools)
    for puller in dict.fromkeys(row.puller for row in rows):
        proxies = [r for r in rows if r.puller == puller and r.topic == "proxy" and r.standing is not Standing.UNSEEN]
        if not any(r.name.upper() in ("HTTP_PROXY", "HTTPS_PROXY") for r in proxies):
            continue
        value = next((r.value for r in proxies if r.name.upper() == "NO_PROXY"), "")
        dialects = ("go", "suffix") if puller in ("shell", "sudo") else ("go",)
        lacks = {dialect: noproxy.missing(value, wanted, dialect) for dialect in dialects}
        line = noproxy.line(value, [need for dialect in dialects for need in lacks[dialect]], "go")
        for dialect, lacking in lacks.items():
            if lacking:
                entries = tuple(need.entry for need in lacking)
                reasons = tuple(dict.fromkeys(f"{need.because} ({need.entry})" for need in lacking))
                yield Exemption(puller, dialect, value, entries, line, reasons)
