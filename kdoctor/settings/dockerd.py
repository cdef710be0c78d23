"""What dockerd is told about proxies, mirrors and certificates, and which file, variable or option tells it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from kdoctor.machine import Machine
from kdoctor.settings import gourl, jsonfile, systemd
from kdoctor.settings.daemon import DaemonProcess
from kdoctor.settings.engine import EngineInfo, config_directory
from kdoctor.settings.proxy import ProxySettings, Setting, from_environment
from kdoctor.settings.reasons import NOT_READABLE
from kdoctor.settings.source import Source

_KEYS = {"HTTP_PROXY": "http-proxy", "HTTPS_PROXY": "https-proxy", "NO_PROXY": "no-proxy"}
_SHELL_FILES = ("/etc/default/docker", "/etc/sysconfig/docker", "/etc/conf.d/docker")
_DESKTOP_PROXY = "http.docker.internal"


@dataclass(frozen=True, slots=True)
class Mirror:
    """A mirror of a registry and where it is set; `instead` tells that the registry itself is not tried after it."""

    url: str
    source: Source
    instead: bool = False

    @property
    def file(self) -> str | None:
        """The file that sets it, None where unknown."""
        return self.source.file

    @property
    def line(self) -> int | None:
        """The line (1-based) of that file."""
        return self.source.line


@dataclass(frozen=True, slots=True)
class Files:
    """Where a daemon's own files are: under `prefix` of the machine; None where they cannot be seen from here."""

    machine: Machine
    prefix: str | None
    process: DaemonProcess | None
    rootless: bool = False
    desktop: bool = False

    @property
    def daemon_json(self) -> str | None:
        """The path of the daemon's configuration file, as seen from here."""
        if self.desktop:
            return f"{config_directory(self.machine)}/daemon.json"
        if self.prefix is None:
            return None
        given = self.process.option("--config-file") if self.process else None
        if given:
            return f"{self.prefix}{given}"
        if self.rootless:
            config = self.machine.env.get("XDG_CONFIG_HOME") or f"{self.machine.home}/.config"
            return f"{self.prefix}{config}/docker/daemon.json"
        if self.machine.os == "windows":
            return f"{self.machine.env.get('ProgramData', 'C:/ProgramData')}/docker/config/daemon.json"
        return f"{self.prefix}/etc/docker/daemon.json"

    @property
    def certs_d(self) -> tuple[str, ...]:
        """The certs.d directories that the daemon reads, as seen from here."""
        if self.prefix is None:
            return ()
        if self.rootless:
            config = self.machine.env.get("XDG_CONFIG_HOME") or f"{self.machine.home}/.config"
            return (f"{self.prefix}{config}/docker/certs.d",)
        return (f"{self.prefix}/etc/docker/certs.d",)

    def shown(self, path: str) -> str:
        """Return a path of these files as a person edits it: without the prefix where that is the same file."""
        bare = path.removeprefix(self.prefix or "")
        try:
            same = os.path.samefile(self.machine.path(path), self.machine.path(bare))
        except OSError:
            return path
        return bare if same else path


def proxies(files: Files, info: EngineInfo | None) -> ProxySettings:
    """Return the proxies in effect: what /info says, else the process's environment, else unseen."""
    declared = tuple(_declared(files))
    process = files.process
    if info is not None:
        effective = {"HTTP_PROXY": info.http_proxy, "HTTPS_PROXY": info.https_proxy, "NO_PROXY": info.no_proxy}
        found = {name: _sourced(name, value, declared, files) for name, value in effective.items() if value}
    elif process is not None and process.env is not None:
        env = from_environment(process.env).settings()
        found = {s.variable.upper(): _sourced(s.variable.upper(), s.value, declared, files) for s in env}
        found |= {s.variable.upper(): s for s in declared if s.source.kind in ("daemon-json", "command-line")}
    else:
        return ProxySettings(unseen=NOT_READABLE)
    return ProxySettings(
        http=found.get("HTTP_PROXY"),
        https=found.get("HTTPS_PROXY"),
        no_proxy=found.get("NO_PROXY"),
        notes=tuple(_notes(declared, found, files)),
    )


def mirrors(files: Files, info: EngineInfo | None) -> tuple[Mirror, ...]:
    """Return Docker Hub's mirrors in the daemon's order: those of /info, else those of daemon.json."""
    path = files.daemon_json
    text = (files.machine.read(path) if path else None) or ""
    listed = jsonfile.texts(jsonfile.mapping(jsonfile.parse(text)).get("registry-mirrors"))
    by_url = {url.rstrip("/"): url for url in listed}
    found = []
    for url in info.mirrors if info is not None else listed:
        written = by_url.get(url.rstrip("/"))
        if written is not None and path:
            line = jsonfile.line_of(text, "registry-mirrors", written)
            source = Source("daemon-json", f"registry-mirrors in {files.shown(path)}", files.shown(path), line)
        else:
            source = Source("unknown", "the engine's settings (GET /info)")
        found.append(Mirror(url, source))
    return tuple(found)


def _declared(files: Files) -> Iterator[Setting]:
    """Yield every proxy setting that stands in a file, option or process, the stronger one first."""
    yield from _from_daemon_json(files)
    yield from _from_command_line(files)
    if files.prefix is not None:
        yield from _from_service_files(files)
    process = files.process
    if process is not None and process.env is not None:
        for setting in from_environment(process.env).settings():
            text = f"{setting.variable} in the environment of {_program(files)} (pid {process.pid})"
            yield Setting(setting.variable, setting.value, Source("process", text))


def _from_daemon_json(files: Files) -> Iterator[Setting]:
    path = files.daemon_json
    text = (files.machine.read(path) if path else None) or ""
    section = jsonfile.mapping(jsonfile.mapping(jsonfile.parse(text)).get("proxies"))
    for variable, key in _KEYS.items():
        value = jsonfile.text(section.get(key))
        if value and path and not files.desktop:  # Docker Desktop ignores the key
            line = jsonfile.line_of(text, "proxies", key)
            shown = files.shown(path)
            yield Setting(variable, value, Source("daemon-json", f"proxies.{key} in {shown}", shown, line))


def _from_command_line(files: Files) -> Iterator[Setting]:
    for variable, key in _KEYS.items():
        value = files.process.option(f"--{key}") if files.process else None
        if value:
            yield Setting(variable, value, Source("command-line", f"--{key} on dockerd's command line"))


def _from_service_files(files: Files) -> Iterator[Setting]:
    machine = files.machine
    if systemd.is_running(machine):
        for name, a in sorted(_unit_environment(files).items()):  # upper case first, as Go looks
            if name.upper() in _KEYS and a.value and a.problem is None:
                yield Setting(name, a.value, Source("systemd", f"{name} in {a.file}", a.file, a.line))
        return
    for path in _SHELL_FILES:  # of Debian's init script, Red Hat's and OpenRC's
        text = machine.read(path) or ""
        for number, line in enumerate(text.splitlines(), 1):
            for name, value in shell_assignments(line):
                if name.upper() in _KEYS and value:
                    yield Setting(name, value, Source("init-defaults", f"{name} in {path}", path, number))


def shell_assignments(line: str) -> Iterator[tuple[str, str]]:
    """Yield the assignments of a line of shell such as `export http_proxy="..."`."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return
    for word in words[1:] if words[:1] == ["export"] else words:
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            return
        yield name, value


def _sourced(variable: str, value: str, declared: tuple[Setting, ...], files: Files) -> Setting:
    """Return the effective value with its source: the strongest place that holds the same value."""
    for setting in declared:
        if setting.variable.upper() == variable and value in (setting.value, masked(setting.value)):
            return setting
    hidden = "xxxxx" in value and value != "xxxxx"
    return Setting(variable, value, _fallback_source(variable, value, files), masked=hidden)


def _fallback_source(variable: str, value: str, files: Files) -> Source:
    if files.desktop:
        if _DESKTOP_PROXY in value:
            return Source("desktop", "Docker Desktop's own proxy, which is always there and says nothing of yours")
        return Source("desktop", "Docker Desktop's settings (Settings, Resources, Proxies)")
    if files.prefix is None:
        return Source("unknown", f"{variable} of the engine, whose own files cannot be seen from here")
    if files.process is not None:
        return Source("process", f"{variable} in the environment of {_program(files)} (pid {files.process.pid})")
    return Source("unknown", f"{variable} of the engine; which file sets it cannot be seen from here")


def masked(value: str) -> str:
    """Return the value as dockerd shows it in /info: moby's MaskCredentials."""
    try:
        url = gourl.parse(value)
    except gourl.GoURLError:
        return value
    if url.user is None:
        return value
    scheme = f"{url.scheme}:" if url.scheme else ""
    return f"{scheme}//xxxxx:xxxxx@{url.text(userinfo=False).partition('//')[2]}"


def _notes(declared: tuple[Setting, ...], found: dict[str, Setting], files: Files) -> Iterator[str]:
    """Yield a sentence for each variable whose strongest file the daemon does not have in effect."""
    strongest: dict[str, Setting] = {}
    for setting in declared:
        strongest.setdefault(setting.variable.upper(), setting)
    for variable, setting in strongest.items():
        effective = found.get(variable)
        if setting.source.file is None or (effective is not None and effective.value == setting.value):
            continue
        yield (
            f"{setting.variable} in {setting.source.file}:{setting.source.line} is not in effect: "
            "the daemon was not restarted since, or its service does not read it"
        )
    for a in _unit_environment(files).values():
        if a.name.upper() in _KEYS and a.problem:
            yield f"{a.name} in {a.file}:{a.line} is not taken: {a.problem}"


def certificate_environment(files: Files) -> dict[str, str]:
    """Return SSL_CERT_FILE and SSL_CERT_DIR of the daemon: of its process, else of its systemd unit."""
    if files.process is not None and files.process.env is not None:
        env = dict(files.process.env)
    else:
        env = {name: a.value for name, a in _unit_environment(files).items()}
    return {name: env[name] for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if env.get(name)}


def _unit_environment(files: Files) -> dict[str, systemd.Assignment]:
    if files.prefix is None or not systemd.is_running(files.machine):
        return {}
    unit = "podman.service" if _program(files) == "podman" else "docker.service"
    return systemd.unit_environment(files.machine, unit, files.rootless)


def _program(files: Files) -> str:
    args = files.process.args if files.process else ()
    return "podman" if args and args[0].rpartition("/")[2] == "podman" else "dockerd"
