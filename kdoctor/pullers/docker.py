"""The Docker daemon's settings, and those that minikube gives the Docker inside its node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kdoctor import minikube
from kdoctor.listings import SettingFound, Standing
from kdoctor.machine import Machine
from kdoctor.pullers.rows import is_proxy_variable, of_proxies
from kdoctor.settings import jsonfile, proxyvalue
from kdoctor.vantages import Docker


def daemon(docker: Docker) -> Iterator[SettingFound]:
    """Yield what the daemon says of itself (GET /info), with the file that sets it, and what waits for a restart."""
    yield from of_proxies("docker", docker.proxies())
    for mirror in docker.mirrors("docker.io"):
        shown = proxyvalue.without_userinfo(mirror.url)
        yield SettingFound("docker", "mirror", "docker.io", shown, mirror.source.text, mirror.file, mirror.line)
    path = docker.files.daemon_json
    text = (docker.machine.read(path) if path else None) or ""
    config = jsonfile.mapping(jsonfile.parse(text))
    yield from _insecure(docker, path, text)
    yield from _lists(docker, path, text, config)
    for folder in docker.files.certs_d:
        for registry in docker.machine.entries(folder):
            for ca in docker.trust(registry).own_ca_files:
                yield SettingFound("docker", "ca", registry, ca, ca, ca)


def _insecure(docker: Docker, path: str | None, text: str) -> Iterator[SettingFound]:
    for registry in docker.info.insecure if docker.info else ():
        line = jsonfile.line_of(text, "insecure-registries", registry)
        if line is not None and path:
            where = docker.files.shown(path)
            yield SettingFound("docker", "insecure", registry, registry, f"insecure-registries in {where}", where, line)
        else:
            yield SettingFound("docker", "insecure", registry, registry, "the engine's settings (GET /info)")


def _lists(docker: Docker, path: str | None, text: str, config: Mapping[str, object]) -> Iterator[SettingFound]:
    """Yield daemon.json's dns, and its mirrors and insecure registries that the running daemon does not have."""
    if path is None:
        return
    where = docker.files.shown(path)
    for server in jsonfile.texts(config.get("dns")):
        note = "for containers; the daemon itself resolves registries with its host's resolv.conf"
        line = jsonfile.line_of(text, "dns", server)
        yield SettingFound("docker", "dns", "dns", server, f"dns in {where}", where, line, note=note)
    if docker.info is None:
        return
    in_effect = {url.rstrip("/") for url in docker.info.mirrors} | set(docker.info.insecure)
    note = "the daemon does not have it: reload it (SIGHUP) or restart it"
    for key, topic in (("registry-mirrors", "mirror"), ("insecure-registries", "insecure")):
        for value in jsonfile.texts(config.get(key)):
            network = topic == "insecure" and "/" in value  # /info lists networks apart, normalised
            if not network and value.rstrip("/") not in in_effect:
                line = jsonfile.line_of(text, key, value)
                shown = proxyvalue.without_userinfo(value)
                yield SettingFound(
                    "docker", topic, key, shown, f"{key} in {where}", where, line, Standing.PENDING, note
                )


def minikube_profiles(machine: Machine) -> Iterator[SettingFound]:
    """Yield the proxies, mirrors and insecure registries that each profile was made with."""
    for profile in minikube.profiles(machine):
        text = machine.read(profile.path) or ""
        config = jsonfile.mapping(jsonfile.parse(text))
        puller = f"minikube:{profile.name}"
        for entry in jsonfile.texts(config.get("DockerEnv")):
            variable, _, value = entry.partition("=")
            if is_proxy_variable(variable):
                line = jsonfile.line_of(text, "DockerEnv", entry)
                shown = proxyvalue.without_userinfo(value)
                source = f"DockerEnv in {profile.path}"
                yield SettingFound(puller, "proxy", variable, shown, source, profile.path, line, Standing.WRITTEN)
        for key, topic in (("RegistryMirror", "mirror"), ("InsecureRegistry", "insecure")):
            for value in jsonfile.texts(config.get(key)):
                line = jsonfile.line_of(text, key, value)
                shown = proxyvalue.without_userinfo(value)
                source = f"{key} in {profile.path}"
                yield SettingFound(puller, topic, key, shown, source, profile.path, line, Standing.WRITTEN)
