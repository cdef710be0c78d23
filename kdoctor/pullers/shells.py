"""What sudo leaves of the shell's proxies, and what the docker command gives to the containers that it starts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kdoctor.listings import SettingFound, Standing
from kdoctor.machine import Machine
from kdoctor.pullers.rows import is_proxy_variable
from kdoctor.settings import jsonfile, proxyvalue, systemd
from kdoctor.settings.engine import config_directory
from kdoctor.settings.proxy import from_environment

_ENV_KEEP = re.compile(r"env_keep\s*\+?=\s*(?:\"([^\"]*)\"|(\S+))")
_NO_RESET = re.compile(r"^\s*Defaults\S*\s.*!env_reset\b", re.MULTILINE)
_CLI_KEYS = {"httpProxy": "HTTP_PROXY", "httpsProxy": "HTTPS_PROXY", "noProxy": "NO_PROXY", "allProxy": "ALL_PROXY"}


def sudo(machine: Machine) -> Iterator[SettingFound]:
    """Yield what commands run by sudo get: variables of env_keep (sudoers(5)) and of /etc/environment (pam_env(8))."""
    if machine.os == "windows" or not machine.path("/etc/sudoers").exists():
        return
    texts = [machine.read("/etc/sudoers")]
    texts += [machine.read(f"/etc/sudoers.d/{name}") for name in machine.entries("/etc/sudoers.d") if "." not in name]
    rules = "\n".join(text for text in texts if text is not None)
    for variable, assignment in _pam(machine).items():
        shown = proxyvalue.without_userinfo(assignment.value)
        yield SettingFound(
            "sudo", "proxy", variable, shown, f"{variable} in {assignment.file}", assignment.file, assignment.line
        )
    if texts[0] is None:
        why = "only root may read it"
        yield SettingFound("sudo", "proxy", "", "", "/etc/sudoers", standing=Standing.UNSEEN, note=why)
        return
    kept = {word for quoted, bare in _ENV_KEEP.findall(_without_comments(rules)) for word in (quoted or bare).split()}
    everything = _NO_RESET.search(rules) is not None
    for setting in from_environment(machine.env).settings():
        if everything or setting.variable in kept:
            place = "env_keep in /etc/sudoers" if not everything else "!env_reset in /etc/sudoers"
            yield SettingFound("sudo", "proxy", setting.variable, setting.shown, f"this shell, by {place}")
        else:
            yield SettingFound(
                "sudo",
                "proxy",
                setting.variable,
                setting.shown,
                "this shell",
                standing=Standing.IGNORED,
                note="sudo drops it: sudoers has no env_keep for it (sudo -E keeps it where that is allowed)",
            )


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def _pam(machine: Machine) -> dict[str, systemd.Assignment]:
    """Return the proxies of /etc/environment, where sudo's PAM session reads it."""
    session = machine.read("/etc/pam.d/sudo") or ""
    if not re.search(r"^[^#\n]*pam_env\.so", session, re.MULTILINE):
        return {}
    found = systemd.environment_file(machine.read("/etc/environment") or "", "/etc/environment")
    return {name: a for name, a in found.items() if is_proxy_variable(name) and a.value}


def docker_command(machine: Machine) -> Iterator[SettingFound]:
    """Yield `proxies` of the docker command's config.json: for containers and builds, not for pulls."""
    path = f"{config_directory(machine)}/config.json"
    text = machine.read(path) or ""
    for host, entry in jsonfile.mapping(jsonfile.mapping(jsonfile.parse(text)).get("proxies")).items():
        for key, variable in _CLI_KEYS.items():
            value = jsonfile.text(jsonfile.mapping(entry).get(key))
            if value:
                yield SettingFound(
                    "docker-command",
                    "proxy",
                    variable,
                    proxyvalue.without_userinfo(value),
                    f"proxies.{host}.{key} in {path}",
                    path,
                    jsonfile.line_of(text, "proxies", host, key),
                    note="set in containers and builds; the daemon's pulls do not use it",
                )


def credentials(machine: Machine) -> Iterator[SettingFound]:
    """Yield which registry's login is kept where (docker config.json); never the login."""
    path = f"{config_directory(machine)}/config.json"
    text = machine.read(path)
    if text is None:
        return
    config = jsonfile.mapping(jsonfile.parse(text))
    for registry, helper in jsonfile.mapping(config.get("credHelpers")).items():
        named = f"docker-credential-{jsonfile.text(helper)}"
        yield _credential(path, text, registry, named, "credHelpers", registry)
    store = jsonfile.text(config.get("credsStore"))
    if store:
        yield _credential(path, text, "*", f"docker-credential-{store}", "credsStore")
    for registry, entry in jsonfile.mapping(config.get("auths")).items():
        kept = "a login in the file itself" if jsonfile.mapping(entry) else "kept by the helper"
        yield _credential(path, text, registry, kept, "auths", registry)


def _credential(path: str, text: str, registry: str, value: str, *words: str) -> SettingFound:
    line = jsonfile.line_of(text, *words)
    return SettingFound("docker-command", "credentials", registry, value, f"{words[0]} in {path}", path, line)
