"""The hosts that this machine's settings name: a text about others may come from another machine."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from kdoctor.machine import Machine
from kdoctor.settings import jsonfile
from kdoctor.settings.engine import config_directory
from kdoctor.settings.goproxy import split_host_port
from kdoctor.settings.proxy import ProxySettings, join_host_port
from kdoctor.settings.resolv import ResolvConf


def host_forms(text: str) -> set[str]:
    """Return the forms in which a text may name host[:port]: with and without the port, lower case."""
    text = text.lower()
    if not text:
        return set()
    split = split_host_port(text)
    return {text} if split is None else {text, split[0]}


def of_proxies(settings: ProxySettings) -> set[str]:
    """Return host and host:port of each proxy."""
    found: set[str] = set()
    for setting in (settings.http, settings.https):
        if setting is not None and setting.endpoint is not None:
            host, port = setting.endpoint
            found |= {host.lower(), join_host_port(host, port).lower()}
    return found


def of_resolvers(conf: ResolvConf) -> set[str]:
    """Return each nameserver, with and without port 53."""
    return {form for server in conf.servers for form in (server, join_host_port(server, 53))}


def of_puller(proxies: ProxySettings, resolvers: ResolvConf, names: Iterable[str] = ()) -> set[str]:
    """Return what a puller's proxies and resolvers name, and the registries and mirrors given (host or host:port)."""
    return of_proxies(proxies) | of_resolvers(resolvers) | {form for name in names for form in host_forms(name)}


def of_docker_cli(machine: Machine) -> set[str]:
    """Return the registries for which the docker command has credentials or helpers; reads no secret out."""
    config = jsonfile.mapping(jsonfile.parse(machine.read(f"{config_directory(machine)}/config.json")))
    names = [*jsonfile.mapping(config.get("auths")), *jsonfile.mapping(config.get("credHelpers"))]
    found: set[str] = set()
    for name in names:
        found |= host_forms(urlsplit(name).netloc if "://" in name else name.split("/")[0])
    return found


def of_certs_d(machine: Machine, directories: Iterable[str]) -> set[str]:
    """Return the registries that have a directory in certs.d."""
    found: set[str] = set()
    for directory in directories:
        for name in machine.entries(directory):
            found |= host_forms(name)
    return found
