"""Which credentials the docker command would take for a registry. No helper is run, no secret is read out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kdoctor.model import Value
from kdoctor.probes import strictjson
from kdoctor.probes.ask import Found
from kdoctor.probes.dockerhost import find_program
from kdoctor.registries import DOCKER_HUB, canonical
from kdoctor.settings import jsonfile
from kdoctor.settings.engine import config_directory

if TYPE_CHECKING:
    from kdoctor.machine import Machine
    from kdoctor.probes.ask import Asking

_HUB_KEYS = ("https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io")


async def credentials(ask: Asking, registry: str | None = None) -> Found:
    """Read credHelpers, credsStore and auths of config.json in docker/cli's order.

    Without a registry: the first helper that is missing, else whether anything is stored.
    """
    machine = ask.vantage.machine
    path = config_path(machine)
    data: dict[str, Value] = {"path": path}
    text = machine.read(path)
    if text is None:
        return Found("none", f"{path} does not exist: pulls are anonymous", data, registry or path)
    try:
        value, _ = strictjson.parse(text, first_value_only=True)
        config = typed(value)
    except strictjson.SlipError as slip:
        data |= {"line": slip.line, "problem": slip.problem}
        return Found("invalid", f"{path}, line {slip.line}: {slip.problem}", data, registry or path)
    helpers = helpers_of(config, registry)
    for helper in helpers:
        program = f"docker-credential-{helper}"
        if find_program(machine, program) is None:
            data |= {"helper": program, "line": jsonfile.line_of(text, helper)}
            return Found("helper-missing", f"{path} names {program}, which is not on PATH", data, registry or path)
    if helpers:
        data["helper"] = f"docker-credential-{helpers[0]}"
        return Found("helper-ok", f"{data['helper']} keeps the credentials (it was not asked)", data, registry or path)
    stored = jsonfile.mapping(config.get("auths"))
    if any(_is_login(stored.get(key)) for key in (keys_of(registry) if registry else stored)):
        return Found("stored", f"{path} holds a login{f' for {registry}' if registry else ''}", data, registry or path)
    return Found(
        "none",
        f"{path} holds no login{f' for {registry}' if registry else ''}: pulls are anonymous",
        data,
        registry or path,
    )


def config_path(machine: Machine) -> str:
    """Return the path of the docker command's config.json."""
    return f"{config_directory(machine)}/config.json"


def typed(value: object) -> Mapping[str, object]:
    """Refuse what Go cannot put into cli's ConfigFile."""
    if value is not None and not isinstance(value, dict):
        raise strictjson.SlipError("the file holds no object: it must begin with { and end with }", 1, 1)
    config = jsonfile.mapping(value)
    for key, wanted in (("credsStore", str), ("credHelpers", dict), ("auths", dict)):
        if config.get(key) is not None and not isinstance(config[key], wanted):
            raise strictjson.SlipError(f'"{key}" must be {"a text" if wanted is str else "an object"}', 1, 1)
    return config


def keys_of(registry: str) -> tuple[str, ...]:
    """Return the keys under which a registry's login may stand."""
    if canonical(registry) == DOCKER_HUB:
        return _HUB_KEYS
    return registry, f"https://{registry}", f"https://{registry}/", f"https://{registry}/v1/", f"https://{registry}/v2/"


def helpers_of(config: Mapping[str, object], registry: str | None) -> list[str]:
    """Return the helper that keeps the registry's login; without a registry all that are named."""
    by_registry = jsonfile.mapping(config.get("credHelpers"))
    general = jsonfile.text(config.get("credsStore"))
    if registry is None:
        named = [general, *(jsonfile.text(v) for v in by_registry.values())]
        return [helper for helper in dict.fromkeys(named) if helper]
    own = next((jsonfile.text(by_registry[key]) for key in keys_of(registry) if key in by_registry), "")
    return [own or general] if own or general else []


def _is_login(entry: object) -> bool:
    held = jsonfile.mapping(entry)
    return any(jsonfile.text(held.get(key)) for key in ("auth", "identitytoken", "registrytoken", "password"))
